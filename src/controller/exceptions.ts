/** Follows a namespace's exceptions: writes their statuses, and says when one is about to end. */
import isEqual from 'lodash/isEqual.js';
import type { BaselineException } from '../api/types.generated.ts';
import type { ObservedNamespace } from '../diff/observed-namespace.ts';
import { isApiError } from '../kube/api-error.ts';
import type { EventInput } from '../kube/event-recorder.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { DesiredStates, JudgedException } from './desired-states.ts';
import { exceptionStatusOf, type WrittenExceptionStatus } from './exception-status.ts';

/** How long before its end an exception is said to end: a day, or a tenth of its life where that is less. */
const warnBeforeMs = 24 * 3_600_000;
const warnBeforeShare = 0.1;

/** Wall clocks are set right now and then, so a distant end is looked at anew at least so often. Milliseconds. */
const longestWaitMs = 3_600_000;

/** A status that the API server refuses is tried again after so long; each further time after twice as long. Milliseconds. */
const firstPauseMs = 60_000;

/** A status was refused as invalid. */
interface Refusal {
  /** From the refusal to the next attempt. Milliseconds. */
  readonly pauseMs: number;
  /** Monotonic milliseconds. */
  readonly retryAt: number;
}

/** What following works with. */
export interface ExceptionsParts {
  readonly desiredStates: DesiredStates;
  readonly clock: Clock;
  readonly record: (event: EventInput) => void;
  /** For lines about a namespace. */
  readonly logOf: (namespace: string) => Logger;
  /** Writes a status, and writes the answer through to the store. */
  readonly write: (exception: BaselineException, status: WrittenExceptionStatus) => Promise<void>;
}

/** Follows the exceptions of namespaces. */
export class Exceptions {
  readonly #parts: ExceptionsParts;
  /** By the stored object, so that one that has changed is tried at once, and one that is gone is forgotten. */
  readonly #refusals = new WeakMap<BaselineException, Refusal>();

  constructor(parts: ExceptionsParts) {
    this.#parts = parts;
  }

  /**
   * Brings the statuses of a namespace's exceptions up to date.
   *
   * @returns in how many milliseconds to look again; undefined where time changes nothing
   */
  async follow(namespace: ObservedNamespace): Promise<number | undefined> {
    await Promise.all(this.#parts.desiredStates.judge(namespace).map((each) => this.#writeStatus(each)));
    return this.nextLook(namespace);
  }

  /** In how many milliseconds time changes something, or a refused status is tried again; undefined for never. */
  nextLook(namespace: ObservedNamespace): number | undefined {
    const waits = this.#parts.desiredStates
      .judge(namespace)
      .flatMap((each) => [this.#waitOf(each), this.#untilRetry(each)])
      .filter((wait) => wait !== undefined);
    if (waits.length === 0) return undefined;
    // Without a delay the queue would run it at once, for ever.
    const soonest = waits.reduce((a, b) => Math.min(a, Number.isNaN(b) ? longestWaitMs : b), longestWaitMs);
    return Math.max(0, soonest);
  }

  async #writeStatus({ exception, verdict }: JudgedException): Promise<void> {
    const refusal = this.#refusals.get(exception);
    if (refusal !== undefined && this.#parts.clock.monotonic() < refusal.retryAt) return;
    this.#refusals.delete(exception);
    const now = new Date(this.#parts.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const status = exceptionStatusOf(exception, verdict, now);
    const { approval: _, ...current } = exception.status ?? {};
    if (isEqual(status, current)) return;
    const before = exception.status?.conditions?.find(({ type }) => type === 'Active')?.reason;
    try {
      await this.#parts.write(exception, status);
    } catch (error) {
      if (isApiError(error, 'notFound', 'conflict')) return;
      if (!isApiError(error, 'invalid')) throw error;
      this.#refused(exception, error, refusal?.pauseMs);
      return;
    }
    if (before === verdict.state) return;
    const { name, namespace = '' } = exception.metadata;
    this.#parts.logOf(namespace).info('exception judged', {
      object: { kind: 'BaselineException', name },
      state: verdict.state,
      expiresAt: exception.spec.expiresAt,
    });
    const isGood = verdict.state === 'Active' || verdict.state === 'AwaitingApproval';
    this.#tell(exception, isGood ? 'Normal' : 'Warning', `Exception${verdict.state}`, verdict.message);
  }

  /** Whatever stands in the way of one status is no reason to try the whole namespace again: what it says is enforced all the same. */
  #refused(exception: BaselineException, error: unknown, lastPauseMs = firstPauseMs / 2): void {
    const { clock, logOf } = this.#parts;
    const pauseMs = Math.min(lastPauseMs * 2, longestWaitMs);
    this.#refusals.set(exception, { pauseMs, retryAt: clock.monotonic() + pauseMs });
    const { name, namespace = '' } = exception.metadata;
    logOf(namespace).warn('exception status refused', {
      object: { kind: 'BaselineException', name },
      error,
      retryInMs: pauseMs,
    });
  }

  /** One that is due is tried whenever its namespace is looked at to the end: to hurry that would be to spin where it fails. */
  #untilRetry({ exception }: JudgedException): number | undefined {
    const refusal = this.#refusals.get(exception);
    const wait = (refusal?.retryAt ?? 0) - this.#parts.clock.monotonic();
    return wait > 0 ? wait : undefined;
  }

  /** Until the warning, then until the end. */
  #waitOf({ exception, verdict }: JudgedException): number | undefined {
    if (verdict.changesAt === undefined) return undefined;
    const now = this.#parts.clock.now();
    if (verdict.state !== 'Active') return verdict.changesAt - now;
    if (!isEndingSoon(exception, verdict.changesAt, now)) return warnAt(exception, verdict.changesAt) - now;
    this.#tell(
      exception,
      'Warning',
      'ExceptionEnding',
      `ends at ${exception.spec.expiresAt}; what it allows is denied again then`,
    );
    return verdict.changesAt - now;
  }

  /** A repeated event is counted, not written again (see EventRecorder). */
  #tell(
    { apiVersion, kind, metadata }: BaselineException,
    type: EventInput['type'],
    reason: string,
    note: string,
  ): void {
    const { name, namespace = '', uid = '' } = metadata;
    this.#parts.record({
      regarding: { apiVersion, kind, name, namespace, uid },
      type,
      reason,
      action: 'Judge',
      note,
    });
  }
}

/** Whether the end of an exception in effect is near enough to be announced. Milliseconds since the epoch. */
export function isEndingSoon(exception: BaselineException, endsAt: number, now: number): boolean {
  return now >= warnAt(exception, endsAt);
}

function warnAt({ metadata }: BaselineException, endsAt: number): number {
  const life = endsAt - Date.parse(metadata.creationTimestamp ?? '');
  return endsAt - Math.min(warnBeforeMs, life * warnBeforeShare);
}
