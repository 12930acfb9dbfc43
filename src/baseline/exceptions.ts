/** Exceptions: whether one is in effect, and what it relaxes. */
import type { BaselineException, SecurityBaseline } from '../api/types.generated.ts';

/** A kind of relaxation, as `exceptions.allow` names it. */
export type Relaxation = 'Egress' | 'Ingress' | 'Quota' | 'PodSecurity' | 'Images';

/** What becomes of an exception. */
export interface Verdict {
  readonly state: /** In effect. */
    | 'Active'
    /** Fit to be approved. */
    | 'AwaitingApproval'
    /** Its time is over. */
    | 'Expired'
    /** A baseline does not allow such a thing. */
    | 'NotAllowed'
    /** It would last longer than a baseline allows. */
    | 'TooLong'
    /** No enforcing baseline selects the namespace, so there is nothing to relax. */
    | 'NotCovered';
  /** What it means, and what to do. */
  readonly message: string;
  /** In words; empty unless it is in effect. */
  readonly relaxes: readonly string[];
  /** When the verdict changes by itself: milliseconds since the epoch, or undefined for never. */
  readonly changesAt: number | undefined;
}

/** The default of `exceptions.maxDuration`. Milliseconds. */
const defaultMaxDurationMs = 720 * 3_600_000;

/**
 * Judges an exception.
 *
 * @param enforcing the enforcing baselines that select its namespace
 * @param now milliseconds since the epoch
 */
export function judge(
  exception: BaselineException,
  enforcing: readonly SecurityBaseline[],
  now: number,
): Verdict {
  const expiresAt = timeOf(exception.spec.expiresAt);
  if (Number.isNaN(expiresAt)) {
    return verdict(
      'Expired',
      'spec.expiresAt is no time such as 2027-01-31T18:00:00Z, so it counts as over; delete this exception, and ask for another if it is still needed',
    );
  }
  if (now >= expiresAt) {
    return verdict(
      'Expired',
      `expired at ${exception.spec.expiresAt}; delete it, and ask for another if it is still needed`,
    );
  }
  if (enforcing.length === 0) {
    return verdict(
      'NotCovered',
      'no enforcing baseline selects this namespace, so there is nothing to relax',
      expiresAt,
    );
  }
  const asked = relaxationsOf(exception);
  for (const { metadata, spec } of enforcing) {
    const refused = asked.find((relaxation) => !(spec.exceptions?.allow ?? []).includes(relaxation));
    if (refused !== undefined) {
      const message = `baseline ${metadata.name} allows no exception for ${refused}; its exceptions.allow would have to name it`;
      return verdict('NotAllowed', message, expiresAt);
    }
  }
  const lasts = expiresAt - timeOf(exception.metadata.creationTimestamp);
  for (const { metadata, spec } of enforcing) {
    // In this form, so that what is not a number is too long.
    if (!(lasts <= maxDurationMs(spec.exceptions?.maxDuration))) {
      const message = `baseline ${metadata.name} allows at most ${spec.exceptions?.maxDuration ?? '720h'} from creation to spec.expiresAt; ask for less`;
      return verdict('TooLong', message, expiresAt);
    }
  }
  if (!isApproved(exception)) {
    return verdict(
      'AwaitingApproval',
      'waits for somebody who may approve it: kubectl baseline exception approve',
      expiresAt,
    );
  }
  const by = exception.status?.approval?.by ?? '';
  return {
    ...verdict('Active', `approved by ${by}, until ${exception.spec.expiresAt}`, expiresAt),
    relaxes: inWords(exception),
  };
}

/** The exceptions that are in effect, by name. */
export function activeExceptions(
  exceptions: readonly BaselineException[],
  enforcing: readonly SecurityBaseline[],
  now: number,
): readonly BaselineException[] {
  return exceptions
    .filter((exception) => judge(exception, enforcing, now).state === 'Active')
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** What an exception asks for. */
export function relaxationsOf({ spec }: BaselineException): Relaxation[] {
  const asked: Relaxation[] = [];
  if (spec.egress !== undefined) asked.push('Egress');
  if (spec.ingress !== undefined) asked.push('Ingress');
  if (spec.quota !== undefined) asked.push('Quota');
  if (spec.podSecurity !== undefined) asked.push('PodSecurity');
  if (spec.images !== undefined) asked.push('Images');
  return asked;
}

/** An approval is for one object, as it was then: not for a later one of the same name. */
function isApproved({ metadata, status }: BaselineException): boolean {
  const approval = status?.approval;
  return (
    approval !== undefined && approval.uid === metadata.uid && approval.generation === metadata.generation
  );
}

function inWords({ spec }: BaselineException): string[] {
  const words: string[] = [];
  if (spec.egress !== undefined) words.push(`egress: ${spec.egress.length} more rules`);
  if (spec.ingress !== undefined) words.push(`ingress: ${spec.ingress.length} more rules`);
  if (spec.quota !== undefined) {
    const hard = Object.entries(spec.quota.hard).map(
      ([resource, quantity]) => `${resource} at least ${quantity}`,
    );
    words.push(`quota: ${hard.join(', ')}`.slice(0, 512));
  }
  if (spec.podSecurity !== undefined) words.push(`Pod Security: enforce ${spec.podSecurity.enforce}`);
  if (spec.images !== undefined)
    words.push(`images: also ${spec.images.registries.join(', ')}`.slice(0, 512));
  return words;
}

/**
 * Milliseconds since the epoch; NaN where it is not a time by RFC 3339, as the CRD asks for: what is stored may be older than the CRD's rule.
 * Source: https://www.rfc-editor.org/rfc/rfc3339#section-5.6
 */
function timeOf(text: string | undefined): number {
  // RFC 3339 allows small letters, which Date does not promise to read.
  const upper = text?.toUpperCase() ?? '';
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(upper);
  return isTime ? Date.parse(upper) : Number.NaN;
}

/** None where it is no duration. */
function maxDurationMs(text: string | undefined): number {
  if (text === undefined) return defaultMaxDurationMs;
  const match = /^(?:(\d+)h)?(?:(\d+)m)?$/.exec(text);
  return (Number(match?.[1] ?? 0) * 60 + Number(match?.[2] ?? 0)) * 60_000;
}

function verdict(state: Verdict['state'], message: string, changesAt?: number): Verdict {
  return { state, message, relaxes: [], changesAt };
}
