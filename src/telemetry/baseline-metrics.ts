import { managedKindNames } from '../api/kinds.ts';
import { type Actor, actors } from './actor.ts';
import type { MetricFactory } from './metric-factory.ts';

/** What the controllers tell of what they do. Labels are bounded: kinds, actions and {@link Actor}s only. */
export interface BaselineMetrics {
  /** From a namespace being seen new, or newly selected, until it was seen hardened. */
  observeTimeToHardened(seconds: number): void;
  /** One managed object put right, by its kind and by who had changed it. */
  countDriftRepair(kind: string, actor: Actor): void;
  /** Somebody has begun to change an object of this kind again and again. */
  countRival(kind: string, actor: Actor): void;
  /** One write, by kind and what it did. */
  countWrite(kind: string, action: 'created' | 'updated' | 'deleted'): void;
}

export function createBaselineMetrics(factory: MetricFactory): BaselineMetrics {
  const timeToHardened = factory.histogram(
    'time_to_hardened_seconds',
    'From the operator seeing a namespace that is new, or newly selected, until it saw all that is desired of it in place.',
    [],
    // A namespace takes some milliseconds; in a burst seconds; where something stands in the way, as long as that does.
    [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
  );
  const driftRepairs = factory.counter(
    'drift_repairs_total',
    'Managed objects put right after somebody else changed or deleted them, by kind and by who that was.',
    ['kind', 'actor'],
  );
  const rivals = factory.counter(
    'rivals_total',
    'Times that somebody began to change an object again and again while it was put back, by kind and by who that was.',
    ['kind', 'actor'],
  );
  const writes = factory.counter('writes_total', 'Managed objects written, by kind and action.', [
    'kind',
    'action',
  ]);
  // A counter that appears with its first repair shows no increase from none to one, and that one may be all there is.
  for (const kind of ['Namespace', ...managedKindNames]) {
    for (const actor of actors) driftRepairs.inc({ kind, actor }, 0);
  }
  return {
    observeTimeToHardened: (seconds) => timeToHardened.observe(seconds),
    countDriftRepair: (kind, actor) => driftRepairs.inc({ kind, actor }),
    countRival: (kind, actor) => rivals.inc({ kind, actor }),
    countWrite: (kind, action) => writes.inc({ kind, action }),
  };
}
