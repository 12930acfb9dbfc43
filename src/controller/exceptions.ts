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

  /** In how many milliseconds time changes something; undefined for never. */
  nextLook(namespace: ObservedNamespace): number | undefined {
    const waits = this.#parts.desiredStates.judge(namespace).flatMap((each) => this.#waitOf(each) ?? []);
    return waits.length === 0 ? undefined : Math.max(0, Math.min(...waits, longestWaitMs));
  }

  async #writeStatus({ exception, verdict }: JudgedException): Promise<void> {
    const now = new Date(this.#parts.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const status = exceptionStatusOf(exception, verdict, now);
    const { approval: _, ...current } = exception.status ?? {};
    if (isEqual(status, current)) return;
    const before = exception.status?.conditions?.find(({ type }) => type === 'Active')?.reason;
    try {
      await this.#parts.write(exception, status);
    } catch (error) {
      if (isApiError(error, 'notFound', 'conflict')) return;
      throw error;
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
