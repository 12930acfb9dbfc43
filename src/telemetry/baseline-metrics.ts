import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What can be said of a namespace: one state each, so that the gauge adds up to all namespaces. */
export type NamespaceState = 'hardened' | 'pending' | 'failing' | 'weakened' | 'uncovered';

/** The states in the order in which dashboards show them. */
export const namespaceStates: readonly NamespaceState[] = [
  'hardened',
  'pending',
  'failing',
  'weakened',
  'uncovered',
];

/** What the controllers tell of the baselines' effect. Labels are bounded: states, kinds and results only. */
export interface BaselineMetrics {
  /** From a namespace's creation (or its selection) until it was seen hardened. */
  observeTimeToHardened(seconds: number): void;
  /** All states at once; those left out are 0. */
  setNamespaces(counts: Partial<Record<NamespaceState, number>>): void;
  /** One managed object put right, by its kind. */
  countDriftRepair(kind: string): void;
  /** Somebody keeps changing an object of this kind that we keep putting back. */
  countRival(kind: string): void;
  /** One write, by kind and what it did. */
  countWrite(kind: string, action: 'created' | 'updated' | 'deleted'): void;
  /** Changes that baselines in Audit mode would make, all together. */
  setAuditChanges(count: number): void;
  /** Baselines whose removal is held. */
  setRemovalHolds(count: number): void;
  setBaselines(ready: number, notReady: number): void;
}

export function createBaselineMetrics(registry: Registry, prefix: string): BaselineMetrics {
  const registers = [registry];
  const timeToHardened = new Histogram({
    name: `${prefix}time_to_hardened_seconds`,
    help: 'From a namespace being created or selected until its whole desired state was seen in place.',
    buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const namespaces = new Gauge({
    name: `${prefix}namespaces`,
    help: 'Namespaces by state; uncovered ones are selected by no baseline.',
    labelNames: ['state'],
    registers,
  });
  const baselines = new Gauge({
    name: `${prefix}baselines`,
    help: 'SecurityBaselines by whether they are Ready.',
    labelNames: ['ready'],
    registers,
  });
  const auditChanges = new Gauge({
    name: `${prefix}audit_changes`,
    help: 'Changes that baselines in Audit mode would make if they enforced.',
    registers,
  });
  const removalHolds = new Gauge({
    name: `${prefix}removal_holds`,
    help: 'Baselines whose removal from many namespaces is held until it is confirmed or undone.',
    registers,
  });
  const driftRepairs = new Counter({
    name: `${prefix}drift_repairs_total`,
    help: 'Managed objects that were put right after somebody else changed or deleted them, by kind.',
    labelNames: ['kind'],
    registers,
  });
  const rivals = new Counter({
    name: `${prefix}rivals_total`,
    help: 'Objects that somebody else keeps changing while they are put back, by kind.',
    labelNames: ['kind'],
    registers,
  });
  const writes = new Counter({
    name: `${prefix}writes_total`,
    help: 'Managed objects written, by kind and action.',
    labelNames: ['kind', 'action'],
    registers,
  });
  return {
    observeTimeToHardened: (seconds) => timeToHardened.observe(seconds),
    setNamespaces: (counts) => {
      for (const state of namespaceStates) namespaces.set({ state }, counts[state] ?? 0);
    },
    countDriftRepair: (kind) => driftRepairs.inc({ kind }),
    countRival: (kind) => rivals.inc({ kind }),
    countWrite: (kind, action) => writes.inc({ kind, action }),
    setAuditChanges: (count) => auditChanges.set(count),
    setRemovalHolds: (count) => removalHolds.set(count),
    setBaselines: (ready, notReady) => {
      baselines.set({ ready: 'true' }, ready);
      baselines.set({ ready: 'false' }, notReady);
    },
  };
}
