import type { WatchFailure, WatchFailureError } from '../runtime/list-watch.ts';
import { describeOperation, type Operation } from './operation.ts';
import { parseRetryAfter } from './retry-after.ts';

/**
 * What a failed request means to a caller. Decided in this file alone, by status code, reason and error code; by the text of a
 * message only where nothing else tells, see {@link ApiError.isBeyondOwnRights}.
 */
export type ApiErrorKind =
  | 'notFound'
  | 'alreadyExists'
  /** The resourceVersion or UID we wrote against is no longer the object's. Read again. */
  | 'conflict'
  /** RBAC, a quota, Pod Security or an admission policy said no; a {@link ApiError.isNamespaceTerminating} is one of them. */
  | 'forbidden'
  | 'unauthorized'
  /** The request itself is wrong; the same request will be refused again. */
  | 'invalid'
  /** The version is compacted. List anew. */
  | 'gone'
  | 'tooManyRequests'
  /** A 5xx: the write may or may not have happened. */
  | 'unavailable'
  /** No answer in time, ours or the server's: the write may or may not have happened. */
  | 'timeout'
  /** The connection failed or broke: the write may or may not have happened. */
  | 'network'
  /** The caller's signal. */
  | 'aborted'
  | 'unknown';

/** One cause in a `Status`. Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** `Status.details`: the object the server speaks of and why. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

interface StatusBody {
  readonly kind?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
}

interface ApiErrorFields {
  readonly operation: Operation;
  readonly kind: ApiErrorKind;
  readonly message: string;
  readonly status?: number;
  readonly reason?: string | undefined;
  readonly details?: StatusDetails | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** A list or watch of a namespace that is not there succeeds, and is empty: one that is not found is of an unknown resource. */
const watchFailures: Partial<Record<ApiErrorKind, WatchFailure>> = { gone: 'expired', notFound: 'unserved' };

/**
 * A request that did not succeed. The message names the operation, the object and what was answered:
 * `create networkpolicies team-a/tenant.default-deny: 403 Forbidden: ...`.
 *
 * A quota's 403 and RBAC's share reason and code, and carry no causes; see {@link ApiError.isDeniedByAuthorizer} for
 * how far the structured part of a `Status` tells them apart.
 */
export class ApiError extends Error implements WatchFailureError {
  override readonly name = 'ApiError';
  readonly operation: Operation;
  readonly kind: ApiErrorKind;
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** The server's own reason, for example `AlreadyExists`; empty where it gave none. */
  readonly reason: string;
  readonly details: StatusDetails;
  /** How a watcher should answer. Whether `sendInitialEvents` is unsupported only list-watch.ts can know. */
  readonly watchFailure: WatchFailure;
  /** The server's wish, milliseconds. */
  declare readonly retryAfterMs?: number;

  constructor(fields: ApiErrorFields) {
    super(`${describeOperation(fields.operation)}: ${fields.message}`, { cause: fields.cause });
    this.operation = fields.operation;
    this.kind = fields.kind;
    this.status = fields.status ?? 0;
    this.reason = fields.reason ?? '';
    this.details = fields.details ?? {};
    this.watchFailure = watchFailures[fields.kind] ?? 'transient';
    if (fields.retryAfterMs !== undefined) this.retryAfterMs = fields.retryAfterMs;
  }

  /**
   * A create that the authorizer refused: we lack a permission, and the same create will fail for every object. False
   * where the refusal came later, of this one object: a quota, Pod Security, a policy, RBAC's escalation check.
   *
   * Told by `details.name`: the authorizer knows the URL only, and a create's URL holds no name. For other verbs, whose
   * URL does, a `Status` cannot tell; then this is false too.
   */
  get isDeniedByAuthorizer(): boolean {
    return this.kind === 'forbidden' && this.operation.verb === 'create' && this.details.name === undefined;
  }

  /**
   * The API server lets nobody grant what he does not have himself. Nothing but the text tells this refusal from others.
   * Source: https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/registry/rbac/validation/rule.go (`ConfirmNoEscalation`)
   */
  get isBeyondOwnRights(): boolean {
    return (
      this.kind === 'forbidden' &&
      this.message.includes('attempting to grant RBAC permissions not currently held')
    );
  }

  /** The namespace is going away and takes no new objects: nothing to do, and nothing to retry. */
  get isNamespaceTerminating(): boolean {
    return this.kind === 'forbidden' && hasCause(this.details, 'NamespaceTerminating');
  }
}

/** Narrows a caught value: `isApiError(error, 'notFound', 'gone')`. Without kinds, any ApiError will do. */
export function isApiError(error: unknown, ...kinds: readonly ApiErrorKind[]): error is ApiError {
  return error instanceof ApiError && (kinds.length === 0 || kinds.includes(error.kind));
}

/**
 * @param body the answer's text; a Kubernetes `Status` or, from proxies and the mux, anything else
 * @param nowMs wall clock, to read a Retry-After date against
 */
export function errorFromResponse(
  operation: Operation,
  status: number,
  body: string,
  retryAfter: string | undefined,
  nowMs: number,
): ApiError {
  const answer = parseStatus(body);
  const detailsRetryAfter = answer.details?.retryAfterSeconds;
  const reason = answer.reason ?? '';
  const text = answer.message ?? body.trim().slice(0, 256);
  return new ApiError({
    operation,
    kind: isOfNamesake(answer.details) ? 'conflict' : classify(status, reason),
    message: [`${status}${reason === '' ? '' : ` ${reason}`}`, text].filter((part) => part !== '').join(': '),
    status,
    reason: answer.reason,
    details: answer.details,
    retryAfterMs:
      parseRetryAfter(retryAfter, nowMs) ?? (detailsRetryAfter ? detailsRetryAfter * 1000 : undefined),
  });
}

/** Wraps what the transport threw. An aborted `signal` wins over what the abort happened to break. */
export function errorFromTransport(operation: Operation, cause: unknown, signal?: AbortSignal): ApiError {
  if (cause instanceof ApiError) return cause;
  const kind = signal?.aborted ? 'aborted' : classifyTransport(errorCode(cause));
  const text = cause instanceof Error ? cause.message : String(cause);
  return new ApiError({ operation, kind, message: `${kind}: ${text}`, cause });
}

// Reasons go before codes: ServerTimeout comes as a 500, Expired as a 410, AlreadyExists and Conflict share 409.
// Source: https://pkg.go.dev/k8s.io/apimachinery/pkg/apis/meta/v1#StatusReason
const kindByReason: Readonly<Record<string, ApiErrorKind>> = {
  NotFound: 'notFound',
  AlreadyExists: 'alreadyExists',
  Conflict: 'conflict',
  Forbidden: 'forbidden',
  Unauthorized: 'unauthorized',
  Invalid: 'invalid',
  BadRequest: 'invalid',
  Gone: 'gone',
  Expired: 'gone',
  TooManyRequests: 'tooManyRequests',
  ServiceUnavailable: 'unavailable',
  ServerTimeout: 'timeout',
  Timeout: 'timeout',
};

const kindByStatus: Readonly<Record<number, ApiErrorKind>> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  405: 'invalid',
  406: 'invalid',
  408: 'timeout',
  409: 'conflict',
  410: 'gone',
  413: 'invalid',
  415: 'invalid',
  422: 'invalid',
  429: 'tooManyRequests',
  504: 'timeout',
};

function classify(status: number, reason: string): ApiErrorKind {
  return kindByReason[reason] ?? kindByStatus[status] ?? (status >= 500 ? 'unavailable' : 'unknown');
}

// Source: https://undici.nodejs.org/#/docs/api/Errors and errno(3)
const timeoutCodes = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

/** To a patch that names the UID of an object that is gone, the API server says that the field is immutable: its namesake's is another. */
function isOfNamesake(details: StatusDetails | undefined): boolean {
  return details?.causes?.some(({ field }) => field === 'metadata.uid') ?? false;
}

function classifyTransport(code: string): ApiErrorKind {
  if (timeoutCodes.has(code)) return 'timeout';
  if (code === 'UND_ERR_ABORTED' || code === 'ABORT_ERR') return 'aborted';
  // Refused, reset, unresolvable, TLS and protocol errors all carry a code; a bug of ours does not.
  return code === '' ? 'unknown' : 'network';
}

function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

function parseStatus(body: string): StatusBody {
  try {
    const parsed: unknown = JSON.parse(body);
    if (parsed !== null && typeof parsed === 'object' && (parsed as StatusBody).kind === 'Status') {
      return parsed as StatusBody;
    }
  } catch {
    // Not JSON: a proxy, or the mux's "404 page not found". The status code says enough.
  }
  return {};
}

function hasCause(details: StatusDetails, reason: string): boolean {
  return details.causes?.some((cause) => cause.reason === reason) ?? false;
}
