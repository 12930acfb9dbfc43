/** Writes the baselines' statuses: in batches, and only what differs from what stands there. */
import isEqual from 'lodash/isEqual.js';
import type { SecurityBaseline, SecurityBaselineStatus } from '../api/types.generated.ts';
import { isApiError } from '../kube/api-error.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { emptySummary, type StatusNotes, statusOf, summarize } from './baseline-status.ts';
import type { ClusterView } from './cluster-view.ts';
import type { DesiredStates } from './desired-states.ts';
import type { NamespaceStates } from './namespace-states.ts';

/** A baseline's status is written at most this often. Milliseconds. */
const intervalMs = 1000;

/** What the reconciler works with. */
export interface BaselineStatusReconcilerParts {
  readonly cluster: ClusterView;
  readonly desiredStates: DesiredStates;
  readonly states: NamespaceStates;
  /** Forgets holds whose cause has been undone. */
  readonly reconsiderHolds: () => void;
  /** What else there is to tell of a baseline. */
  readonly notesOf: (baseline: SecurityBaseline) => StatusNotes;
  /** Whether the states tell the truth yet: before the first pass over the fleet they do not. */
  readonly isReady: () => boolean;
  /** Writes a status, and writes the answer through to the store. */
  readonly write: (baseline: SecurityBaseline, status: SecurityBaselineStatus) => Promise<void>;
  /** After so long without a change, what others have written over a status goes. Milliseconds. */
  readonly resyncIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Keeps statuses up to date. */
export class BaselineStatusReconciler {
  readonly #parts: BaselineStatusReconcilerParts;
  #timer: Timer | undefined;
  #resync: Timer | undefined;
  #writing: Promise<void> | undefined;
  #isFlushing = false;
  /** Something has changed since the flush under way began. */
  #isDueAgain = false;
  #isStopped = true;

  constructor(parts: BaselineStatusReconcilerParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#isStopped = false;
    this.changed();
  }

  /** Resolves when no write is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#resync?.cancel();
    await this.#writing;
  }

  /** Something that a status may have to show has changed. */
  changed(): void {
    if (this.#isStopped || this.#timer !== undefined) return;
    if (this.#isFlushing) {
      this.#isDueAgain = true;
      return;
    }
    this.#timer = this.#parts.clock.setTimeout(() => this.#begin(), intervalMs);
  }

  /** One flush at a time: an older status that is slow to be written would otherwise land upon a newer one, and stay. */
  #begin(): void {
    this.#timer = undefined;
    this.#isFlushing = true;
    this.#isDueAgain = false;
    this.#writing = this.#flush().finally(() => {
      this.#writing = undefined;
      this.#isFlushing = false;
      if (this.#isDueAgain) this.changed();
      this.#resyncLater();
    });
  }

  /** A status is no news to us when we have written it, nor when others have. */
  #resyncLater(): void {
    this.#resync?.cancel();
    if (this.#isStopped) return;
    this.#resync = this.#parts.clock.setTimeout(() => this.changed(), this.#parts.resyncIntervalMs);
  }

  async #flush(): Promise<void> {
    const { cluster, states, clock, isReady } = this.#parts;
    if (!isReady()) {
      this.changed();
      return;
    }
    this.#parts.reconsiderHolds();
    const { byBaseline, uncovered } = summarize(states);
    const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const writes: Promise<void>[] = [];
    for (const baseline of cluster.baselines) {
      const status = statusOf(
        baseline,
        this.#summaryOf(baseline, byBaseline),
        uncovered,
        this.#parts.notesOf(baseline),
        now,
      );
      if (!isEqual(status, baseline.status)) writes.push(this.#write(baseline, status));
    }
    await Promise.all(writes);
  }

  /** Problems are found in namespaces, and also where a baseline selects none yet. */
  #summaryOf(baseline: SecurityBaseline, byBaseline: ReturnType<typeof summarize>['byBaseline']) {
    const summary = byBaseline.get(baseline.metadata.uid ?? '') ?? emptySummary;
    const alone = this.#parts.desiredStates.ofBaseline(baseline).problems;
    const more = alone.filter(
      ({ message }) => !summary.problems.some((problem) => problem.message === message),
    );
    return { ...summary, problems: [...summary.problems, ...more] };
  }

  async #write(baseline: SecurityBaseline, status: SecurityBaselineStatus): Promise<void> {
    try {
      await this.#parts.write(baseline, status);
      this.#say(baseline, status);
    } catch (error) {
      if (isApiError(error, 'notFound', 'aborted')) return;
      this.#parts.logger.warn('status not written', { baseline: baseline.metadata.name, error });
      this.changed();
    }
  }

  /** A line when Ready turns, or has another reason: counts change too often to be told. */
  #say({ metadata, status: before }: SecurityBaseline, status: SecurityBaselineStatus): void {
    const [was, is] = [before, status].map((each) => each?.conditions?.find(({ type }) => type === 'Ready'));
    if (is === undefined || (is.status === was?.status && is.reason === was.reason)) return;
    this.#parts.logger.info('baseline judged', {
      object: { kind: 'SecurityBaseline', name: metadata.name },
      ready: is.status,
      reason: is.reason,
      note: is.message,
    });
  }
}
