/** A baseline's status, computed from the states of the namespaces: pure, and honest by construction. */
import { type ConditionFact, mergeConditions } from '../api/conditions.ts';
import type {
  AuditStatus,
  FailingNamespace,
  SecurityBaseline,
  SecurityBaselineStatus,
} from '../api/types.generated.ts';
import type { Problem } from '../baseline/desired-state.ts';
import { isEnforcing } from '../baseline/selection.ts';
import type { NamespaceState } from './namespace-states.ts';

/** As many namespaces are named; the counts say how many there are. */
const maxNamespacesNamed = 10;
const maxAuditChangesNamed = 8;
const maxMessageLength = 1024;

/** What the states of all namespaces add up to, for one baseline. */
export interface BaselineSummary {
  readonly selected: number;
  readonly hardened: number;
  /** Selected namespaces that wait for a change of the baseline or the cluster to reach them. */
  readonly rollingOut: number;
  readonly failing: readonly NamespaceState[];
  readonly problems: readonly Problem[];
  /** Namespaces in which the baseline, being in Audit mode, would change something. */
  readonly audited: readonly NamespaceState[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

/** Adds up the states: one summary for each baseline UID, and the number of namespaces that none enforces. */
export function summarize(states: Iterable<NamespaceState>): {
  readonly byBaseline: ReadonlyMap<string, BaselineSummary>;
  readonly uncovered: number;
} {
  const byBaseline = new Map<string, Mutable<BaselineSummary>>();
  const summaryOf = (uid: string): Mutable<BaselineSummary> => {
    const known = byBaseline.get(uid);
    if (known !== undefined) return known;
    const made = { selected: 0, hardened: 0, rollingOut: 0, failing: [], problems: [], audited: [] };
    byBaseline.set(uid, made);
    return made;
  };
  let uncovered = 0;
  for (const state of states) {
    const { baselines, auditing, problems } = state.desired;
    if (baselines.length === 0) uncovered += 1;
    for (const { uid } of baselines) {
      const summary = summaryOf(uid);
      summary.selected += 1;
      if (state.phase === 'hardened') summary.hardened += 1;
      if (state.phase === 'failing') summary.failing.push(state);
      if (state.phase === 'pending' && state.pending === 'rollout') summary.rollingOut += 1;
    }
    for (const { uid } of auditing) {
      const summary = summaryOf(uid);
      summary.selected += 1;
      if (state.audit.some(({ baselineUid }) => baselineUid === uid)) summary.audited.push(state);
      else if (state.phase !== 'pending') summary.hardened += 1;
    }
    for (const problem of problems) {
      const known = summaryOf(problem.baseline.uid).problems;
      if (!known.some(({ message }) => message === problem.message)) known.push(problem);
    }
  }
  return { byBaseline, uncovered };
}

/** A summary of a baseline that selects nothing. */
export const emptySummary: BaselineSummary = {
  selected: 0,
  hardened: 0,
  rollingOut: 0,
  failing: [],
  problems: [],
  audited: [],
};

/** What a status tells beside what the namespaces add up to. */
export interface StatusNotes {
  /** What is held of the baseline's removals. */
  readonly held?: string | undefined;
  /** Why what the baseline asks of admission is not done. */
  readonly admissionOff?: string | undefined;
}

/**
 * The status to write.
 *
 * @param notes what else there is to tell, in words
 * @param now RFC 3339
 */
export function statusOf(
  baseline: SecurityBaseline,
  summary: BaselineSummary,
  uncovered: number,
  notes: StatusNotes,
  now: string,
): SecurityBaselineStatus {
  const generation = baseline.metadata.generation ?? 0;
  const facts = conditionsOf(summary);
  if (notes.held !== undefined) facts.push(fact('RemovalHeld', 'True', 'ManyNamespaces', notes.held));
  if (notes.admissionOff !== undefined) {
    facts.push(fact('AdmissionOff', 'True', 'PoliciesMissing', notes.admissionOff));
  }
  return {
    observedGeneration: generation,
    namespaces: {
      selected: summary.selected,
      hardened: summary.hardened,
      failing: summary.failing.length,
      uncovered,
    },
    failing: firstByName(summary.failing).map(failingNamespace),
    ...(isEnforcing(baseline) ? {} : { audit: auditOf(baseline, summary) }),
    conditions: mergeConditions(baseline.status?.conditions ?? [], facts, generation, now),
  };
}

function auditOf({ metadata }: SecurityBaseline, { audited }: BaselineSummary): AuditStatus {
  const changesIn = (state: NamespaceState): string[] =>
    state.audit.filter(({ baselineUid }) => baselineUid === metadata.uid).map(({ change }) => change);
  return {
    changes: audited.reduce((sum, state) => sum + changesIn(state).length, 0),
    namespaces: audited.length,
    first: firstByName(audited).map((state) => ({
      namespace: state.name,
      changes: changesIn(state).slice(0, maxAuditChangesNamed),
    })),
  };
}

function firstByName(states: readonly NamespaceState[]): NamespaceState[] {
  return states.toSorted((a, b) => (a.name < b.name ? -1 : 1)).slice(0, maxNamespacesNamed);
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
    .slice(0, maxNamespacesNamed)
    .join(', ');
  const parts = [`${hardened} of ${selected} selected namespaces are hardened`];
  if (failing.length > 0)
    parts.push(`failing: ${named}${failing.length > maxNamespacesNamed ? ', ...' : ''}`);
  return [...parts, ...missing.map(({ message }) => message)].join('; ');
}

function fact(type: string, status: ConditionFact['status'], reason: string, message: string): ConditionFact {
  return { type, status, reason, message: message.slice(0, 4 * maxMessageLength) };
}
