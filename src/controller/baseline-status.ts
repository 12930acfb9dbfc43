/** A baseline's status, computed from the states of the namespaces: pure, and honest by construction. */
import { type ConditionFact, mergeConditions } from '../api/conditions.ts';
import type { FailingNamespace, SecurityBaseline, SecurityBaselineStatus } from '../api/types.generated.ts';
import type { Problem } from '../baseline/desired-state.ts';
import type { NamespaceState } from './namespace-states.ts';

/** As many failing namespaces are named; the counts say how many there are. */
const maxFailingNamed = 10;
const maxMessageLength = 1024;

/** What the states of all namespaces add up to, for one baseline. */
export interface BaselineSummary {
  readonly selected: number;
  readonly hardened: number;
  /** Selected namespaces that wait for a change of the baseline or the cluster to reach them. */
  readonly rollingOut: number;
  readonly failing: readonly NamespaceState[];
  readonly problems: readonly Problem[];
}

/** Adds up the states: one summary for each baseline UID, and the number of namespaces that none enforces. */
export function summarize(states: Iterable<NamespaceState>): {
  readonly byBaseline: ReadonlyMap<string, BaselineSummary>;
  readonly uncovered: number;
} {
  const byBaseline = new Map<
    string,
    {
      selected: number;
      hardened: number;
      rollingOut: number;
      failing: NamespaceState[];
      problems: Set<Problem>;
    }
  >();
  let uncovered = 0;
  for (const state of states) {
    if (state.desired.baselines.length === 0) uncovered += 1;
    for (const { uid } of state.desired.baselines) {
      let summary = byBaseline.get(uid);
      if (summary === undefined) {
        summary = { selected: 0, hardened: 0, rollingOut: 0, failing: [], problems: new Set() };
        byBaseline.set(uid, summary);
      }
      summary.selected += 1;
      if (state.phase === 'hardened') summary.hardened += 1;
      if (state.phase === 'failing') summary.failing.push(state);
      if (state.phase === 'pending' && state.pending === 'rollout') summary.rollingOut += 1;
      for (const problem of state.desired.problems)
        if (problem.baseline.uid === uid) summary.problems.add(problem);
    }
  }
  return {
    byBaseline: new Map(
      Array.from(byBaseline, ([uid, summary]) => [uid, { ...summary, problems: [...summary.problems] }]),
    ),
    uncovered,
  };
}

/** A summary of a baseline that selects nothing. */
export const emptySummary: BaselineSummary = {
  selected: 0,
  hardened: 0,
  rollingOut: 0,
  failing: [],
  problems: [],
};

/**
 * The status to write.
 *
 * @param now RFC 3339
 */
export function statusOf(
  baseline: SecurityBaseline,
  summary: BaselineSummary,
  uncovered: number,
  now: string,
): SecurityBaselineStatus {
  const generation = baseline.metadata.generation ?? 0;
  return {
    observedGeneration: generation,
    namespaces: {
      selected: summary.selected,
      hardened: summary.hardened,
      failing: summary.failing.length,
      uncovered,
    },
    failing: summary.failing
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, maxFailingNamed)
      .map(failingNamespace),
    conditions: mergeConditions(baseline.status?.conditions ?? [], conditionsOf(summary), generation, now),
  };
}

function failingNamespace(state: NamespaceState): FailingNamespace {
  const [first] = state.failures;
  return {
    namespace: state.name,
    reason: first?.reason ?? 'Unknown',
    message: state.failures
      .map(({ message }) => message)
      .join('; ')
      .slice(0, maxMessageLength),
  };
}

/**
 * Ready says whether everything was done that the operator can do, so a tenant's own mistake does not touch it;
 * AllHardened says whether it came to what was declared.
 */
function conditionsOf(summary: BaselineSummary): ConditionFact[] {
  const missing = summary.problems.filter((problem) => problem.missing);
  const lost = summary.problems.filter((problem) => !problem.missing);
  const failures = summary.failing.flatMap((state) => state.failures);
  const platform = failures.find(({ responsible }) => responsible === 'platform');
  const passing = failures.find(({ responsible }) => responsible === 'passing');
  const { selected, hardened, rollingOut } = summary;

  const facts: ConditionFact[] = [];
  const stalled = missing[0] ?? platform;
  if (stalled !== undefined) {
    facts.push(
      fact('Ready', 'False', stalled.reason, stalled.message),
      fact('Stalled', 'True', stalled.reason, stalled.message),
    );
  } else if (rollingOut > 0) {
    const message = `${rollingOut} of ${selected} selected namespaces wait for the last change`;
    facts.push(
      fact('Ready', 'False', 'RollingOut', message),
      fact('Reconciling', 'True', 'RollingOut', message),
    );
  } else if (passing !== undefined) {
    facts.push(
      fact('Ready', 'False', passing.reason, passing.message),
      fact('Reconciling', 'True', passing.reason, passing.message),
    );
  } else {
    facts.push(
      fact(
        'Ready',
        'True',
        'Reconciled',
        'everything that the operator can do is done in every selected namespace',
      ),
    );
  }
  if (hardened === selected && missing.length === 0) {
    facts.push(fact('AllHardened', 'True', 'Hardened', 'every selected namespace is hardened'));
  } else {
    facts.push(
      fact('AllHardened', 'False', notHardenedReason(summary, missing), notHardenedMessage(summary, missing)),
    );
  }
  if (lost[0] !== undefined) {
    facts.push(fact('Overridden', 'True', lost[0].reason, lost.map(({ message }) => message).join('; ')));
  }
  return facts;
}

function notHardenedReason(summary: BaselineSummary, missing: readonly Problem[]): string {
  return missing[0]?.reason ?? (summary.failing.length > 0 ? 'NamespacesFailing' : 'NamespacesPending');
}

function notHardenedMessage(
  { selected, hardened, failing }: BaselineSummary,
  missing: readonly Problem[],
): string {
  const named = failing
    .map(({ name }) => name)
    .sort()
    .slice(0, maxFailingNamed)
    .join(', ');
  const parts = [`${hardened} of ${selected} selected namespaces are hardened`];
  if (failing.length > 0) parts.push(`failing: ${named}${failing.length > maxFailingNamed ? ', ...' : ''}`);
  return [...parts, ...missing.map(({ message }) => message)].join('; ');
}

function fact(type: string, status: ConditionFact['status'], reason: string, message: string): ConditionFact {
  return { type, status, reason, message: message.slice(0, 4 * maxMessageLength) };
}
