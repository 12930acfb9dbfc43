/** Counts the fleet for metrics. */
import type { SecurityBaseline } from '../api/types.generated.ts';
import type { Clock } from '../runtime/clock.ts';
import type { FleetState, UnhardenedState } from '../telemetry/fleet-metrics.ts';
import type { AdmissionCheck } from './admission-check.ts';
import type { ClusterView } from './cluster-view.ts';
import type { DesiredStates } from './desired-states.ts';
import { isEndingSoon } from './exceptions.ts';
import type { NamespaceState, NamespaceStates } from './namespace-states.ts';
import type { RemovalGate } from './removal-gate.ts';
import type { Rivals } from './rivals.ts';

/** What is counted. */
export interface FleetStateParts {
  readonly cluster: Pick<ClusterView, 'baselines' | 'namespaces'>;
  readonly desiredStates: Pick<DesiredStates, 'judge'>;
  readonly states: Iterable<NamespaceState> & Pick<NamespaceStates, 'size'>;
  readonly gate: Pick<RemovalGate, 'holds'>;
  readonly rivals: Pick<Rivals, 'count'>;
  readonly admission: Pick<AdmissionCheck, 'problemOf'>;
  readonly clock: Clock;
}

/** The fleet as it is now. Goes over every namespace once: some milliseconds for 10,000. */
export function readFleet(parts: FleetStateParts): FleetState {
  const { cluster, gate, rivals, admission } = parts;
  const holds = [...gate.holds.values()];
  const { baselines } = cluster;
  const ready = baselines.filter(isReady).length;
  return {
    ...countNamespaces(parts),
    baselines: {
      ready,
      notReady: baselines.length - ready,
      withoutAdmission: baselines.filter((baseline) => admission.problemOf(baseline) !== undefined).length,
    },
    removalHolds: {
      baselines: holds.length,
      namespaces: holds.reduce((sum, { namespaces }) => sum + namespaces, 0),
    },
    rivalObjects: rivals.count,
    exceptions: countExceptions(parts),
  };
}

/** What its status says, if it speaks of the baseline as it is. */
function isReady({ metadata, status }: SecurityBaseline): boolean {
  return (
    status?.observedGeneration === metadata.generation &&
    status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
  );
}

function countNamespaces({
  states,
  clock,
}: FleetStateParts): Pick<FleetState, 'namespaces' | 'oldestUnhardened' | 'auditChanges'> {
  const namespaces = { hardened: 0, pending: 0, failing: 0, weakened: 0, uncovered: 0 };
  const oldestUnhardened: Record<UnhardenedState, number> = { pending: 0, failing: 0, weakened: 0 };
  let auditChanges = 0;
  const now = clock.monotonic();
  for (const state of states) {
    auditChanges += state.audit.length;
    const shown = shownState(state);
    namespaces[shown] += 1;
    if (shown === 'hardened' || shown === 'uncovered') continue;
    oldestUnhardened[shown] = Math.max(oldestUnhardened[shown], (now - state.since) / 1000);
  }
  return { namespaces, oldestUnhardened, auditChanges };
}

/** Weakened is a tenant's matter alone; where anything else stands in the way as well, the namespace is failing. */
function shownState({ desired, phase, failures }: NamespaceState): keyof FleetState['namespaces'] {
  if (desired.baselines.length === 0) return 'uncovered';
  const isWeakened = failures.length > 0 && failures.every(({ reason }) => reason === 'Weakened');
  return isWeakened ? 'weakened' : phase;
}

function countExceptions({ cluster, desiredStates, clock }: FleetStateParts): FleetState['exceptions'] {
  const byState = new Map<string, number>();
  const secondsLeft: number[] = [];
  let endingSoon = 0;
  const now = clock.now();
  for (const namespace of cluster.namespaces()) {
    for (const { exception, verdict } of desiredStates.judge(namespace)) {
      byState.set(verdict.state, (byState.get(verdict.state) ?? 0) + 1);
      if (verdict.state !== 'Active' || verdict.changesAt === undefined) continue;
      secondsLeft.push((verdict.changesAt - now) / 1000);
      if (isEndingSoon(exception, verdict.changesAt, now)) endingSoon += 1;
    }
  }
  return { byState, secondsLeft, endingSoon };
}
