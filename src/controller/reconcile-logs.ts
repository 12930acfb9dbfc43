/** Loggers for the reconciles in work. */
import { randomBytes } from 'node:crypto';
import type { Logger } from '../telemetry/logger.ts';

/**
 * Gives each reconcile an id, and every line about its namespace that id: a reconcile's lines stay together, however
 * many others run between them. One logger for each namespace will do, since none is reconciled twice at once.
 */
export class ReconcileLogs {
  readonly #logger: Logger;
  /** Ids of two replicas, or of one before and after a restart, differ. */
  readonly #process = randomBytes(3).toString('hex');
  readonly #inWork = new Map<string, Logger>();
  #reconciles = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** A reconcile of this namespace begins. */
  begin(namespace: string): void {
    this.#reconciles += 1;
    const reconcileId = `${this.#process}-${this.#reconciles}`;
    this.#inWork.set(namespace, this.#logger.child({ reconcileId, namespace }));
  }

  /** For lines about this namespace: with the reconcile's id while one is in work. */
  of(namespace: string): Logger {
    return this.#inWork.get(namespace) ?? this.#logger.child({ namespace });
  }

  /** It has ended, and said so. */
  end(namespace: string): void {
    this.#inWork.delete(namespace);
  }
}
