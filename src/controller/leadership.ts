/** What only the leader does: how it begins, and how it ends in time. */
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Controller } from '../runtime/controller.ts';
import { endsWithin } from '../runtime/ends-within.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { AdmissionCheck } from './admission-check.ts';
import type { BaselineStatusReconciler } from './baseline-status-reconciler.ts';
import type { NamespaceRequests } from './namespace-requests.ts';

/** A resync is spread over its interval: ten thousand namespaces at once would leave a heap of garbage, and keep others waiting. */
const resyncParts = 60;

/** What leading consists of. */
export interface LeadershipParts {
  readonly controller: Pick<Controller<string>, 'start' | 'stop'>;
  readonly requests: Pick<NamespaceRequests, 'resync' | 'close'>;
  readonly statuses: Pick<BaselineStatusReconciler, 'start' | 'stop'>;
  readonly events: Pick<EventRecorder, 'flush'>;
  readonly admission: Pick<AdmissionCheck, 'refresh'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** This replica, as the Lease names it. */
  readonly identity: string;
  /** Between two looks at the same namespace, for what all else has missed. */
  readonly resyncIntervalMs: number;
  /** Work could not begin. */
  readonly onFatal: (error: unknown) => void;
}

/** Terms of leading, one after the other. */
export class Leadership {
  readonly #parts: LeadershipParts;
  #isLeading = false;
  #resync: Timer | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(parts: LeadershipParts) {
    this.#parts = parts;
  }

  get isLeading(): boolean {
    return this.#isLeading;
  }

  /** Begins to work. The last term has to have ended: see {@link end}. */
  begin(): void {
    const { controller, statuses, logger, identity, onFatal } = this.#parts;
    this.#isLeading = true;
    logger.info('leading', { identity });
    controller.start().then(() => {
      if (!this.#isLeading) return;
      statuses.start();
      this.#resyncLater();
    }, onFatal);
    void this.#parts.admission.refresh();
  }

  /**
   * Stops work under way in order. What is in work has `drainMs` to end (and a second more, see {@link Controller.stop}); statuses and Events on
   * their way have what is left of it, and then are left behind: as long as we hold the Lease and do nothing, nobody does.
   *
   * @returns when the term has ended, also where an earlier call ends it: nobody may lead again before
   */
  end(drainMs: number): Promise<void> {
    if (this.#isLeading) {
      this.#isLeading = false;
      this.#resync?.cancel();
      this.#ended = this.#end(drainMs);
    }
    return this.#ended;
  }

  async #end(drainMs: number): Promise<void> {
    const { controller, requests, statuses, events, clock, logger } = this.#parts;
    const deadlineMs = clock.monotonic() + drainMs;
    await controller.stop(drainMs);
    requests.close();
    const written = Promise.all([statuses.stop(), events.flush()]);
    if (!(await endsWithin(clock, written, deadlineMs - clock.monotonic()))) {
      logger.warn('statuses or events left unwritten', { drainMs });
    }
    logger.info('no longer leading');
  }

  #resyncLater(part = 0): void {
    const { admission, requests, clock, resyncIntervalMs } = this.#parts;
    this.#resync = clock.setTimeout(() => {
      requests.resync(part, resyncParts);
      const next = (part + 1) % resyncParts;
      if (next === 0) void admission.refresh();
      this.#resyncLater(next);
    }, resyncIntervalMs / resyncParts);
  }
}
