/** Everything about one namespace, as data. */
import type { SecurityBaseline } from '../../api/types.generated.ts';
import { podSecurityModes } from '../../baseline/pod-security.ts';
import { byPrecedence, isEnforcing, selects, systemNamespaces } from '../../baseline/selection.ts';
import { weakeningOf } from '../../controller/weakening.ts';
import { describeChange } from '../../diff/change-set.ts';
import type { ObservedNamespace } from '../../diff/observed-namespace.ts';
import type { Evaluation, Fleet } from '../cluster/fleet.ts';
import type { InstallationOptions } from '../cluster/installation-options.ts';
import { selectorText, whyNotSelected } from './why-selected.ts';

/** A baseline that selects the namespace, with what it gives. */
export interface Giver {
  readonly name: string;
  readonly mode: string;
  readonly priority: number;
  readonly because: string;
  /** Such as `NetworkPolicy tenant.default-deny`, with what is wrong with it, if anything is. */
  readonly gives: readonly {
    readonly object: string;
    readonly state: 'in place' | 'missing' | 'differs' | 'clash';
  }[];
  /** What it asks for in vain. */
  readonly problems: readonly string[];
}

/** The answer. */
export interface Explanation {
  readonly namespace: string;
  readonly state: 'hardened' | 'not hardened' | 'not covered' | 'audited' | 'protected';
  readonly baselines: readonly Giver[];
  readonly notSelecting: readonly { readonly name: string; readonly because: string }[];
  readonly denied: readonly string[];
  /** Such as `enforce restricted (latest), by tenant`. */
  readonly podSecurity: readonly string[];
  readonly exceptions: readonly {
    readonly name: string;
    readonly state: string;
    readonly message: string;
    readonly relaxes: readonly string[];
  }[];
  /** Why it is not hardened. */
  readonly reasons: readonly string[];
}

/** Namespaces that the operator never touches. */
export function isProtected(name: string, installation: InstallationOptions): boolean {
  return [...systemNamespaces, installation.operatorNamespace, ...installation.protectedNamespaces].includes(
    name,
  );
}

/** Explains a namespace that no baseline can select. */
export function protectedNamespace(namespace: string): Explanation {
  return {
    namespace,
    state: 'protected',
    baselines: [],
    notSelecting: [],
    denied: [],
    podSecurity: [],
    exceptions: [],
    reasons: [],
  };
}

/** Explains a namespace as it stands. */
export function explainNamespace(
  namespace: ObservedNamespace,
  fleet: Fleet,
  evaluation: Evaluation,
): Explanation {
  const desired = evaluation.desired.of(namespace);
  const { changes, clashes } = evaluation.changes(namespace);
  const selecting = fleet.baselines.filter((baseline) => selects(baseline, namespace)).sort(byPrecedence);
  const reasons = [
    ...changes.map((change) => `the operator has yet to ${describeChange(change)}`),
    ...clashes.map(({ kind, name }) => `${kind} ${name} is there and not ours: rename or delete it`),
    ...weakeningOf(desired, evaluation.view.observed(namespace)).map(({ message }) => message),
    ...reportedReasons(selecting, namespace.name),
  ];
  return {
    namespace: namespace.name,
    state: stateOf(selecting, reasons),
    baselines: selecting.map((baseline) => giverOf(baseline, namespace, evaluation)),
    notSelecting: fleet.baselines.flatMap((baseline) => {
      const because = whyNotSelected(baseline, namespace);
      return because === undefined ? [] : [{ name: baseline.metadata.name, because }];
    }),
    denied: desired.denied,
    podSecurity: podSecurityModes.flatMap((mode) => {
      const given = desired.podSecurity[mode];
      if (given === undefined) return [];
      const by = selecting.filter(
        (baseline) => isEnforcing(baseline) && baseline.spec.podSecurity?.[mode] === given.level,
      );
      const names = by.map(({ metadata }) => metadata.name);
      const how = names.length > 0 ? `by ${names.join(', ')}` : 'lowered by an exception';
      return [`${mode} ${given.level} (${given.version}), ${how}`];
    }),
    exceptions: evaluation.desired.judge(namespace).map(({ exception, verdict }) => ({
      name: exception.metadata.name,
      state: verdict.state,
      message: verdict.message,
      relaxes: verdict.relaxes,
    })),
    reasons: [...new Set(reasons)],
  };
}

/** What the operator itself says: it alone knows what the API server refused it. */
function reportedReasons(selecting: readonly SecurityBaseline[], namespace: string): readonly string[] {
  return selecting.flatMap(({ metadata, status }) =>
    status?.observedGeneration === metadata.generation
      ? (status?.failing ?? [])
          .filter((failing) => failing.namespace === namespace)
          .map(({ message }) => message)
      : [],
  );
}

function stateOf(selecting: readonly SecurityBaseline[], reasons: readonly string[]): Explanation['state'] {
  if (selecting.length === 0) return 'not covered';
  if (!selecting.some(isEnforcing)) return 'audited';
  return reasons.length === 0 ? 'hardened' : 'not hardened';
}

function giverOf(baseline: SecurityBaseline, namespace: ObservedNamespace, evaluation: Evaluation): Giver {
  const { metadata, spec } = baseline;
  const isAudit = !isEnforcing(baseline);
  const desired = isAudit ? evaluation.desired.asIfEnforced(namespace) : evaluation.desired.of(namespace);
  const { changes, clashes } = evaluation.changes(namespace);
  const stateOfObject = (kind: string, name: string): Giver['gives'][number]['state'] => {
    if (clashes.some((clash) => clash.kind === kind && clash.name === name)) return 'clash';
    const change = changes.find(
      (each) => 'desired' in each && each.desired.kind === kind && each.desired.name === name,
    );
    if (change !== undefined) return change.action === 'create' ? 'missing' : 'differs';
    return isAudit && evaluation.view.observed(namespace).object(kind as 'Role', name) === undefined
      ? 'missing'
      : 'in place';
  };
  return {
    name: metadata.name,
    mode: spec.mode ?? 'Enforce',
    priority: spec.priority ?? 100,
    because: selectorText(spec.namespaceSelector),
    gives: desired.objects
      .filter((object) => object.baseline.name === metadata.name)
      .map(({ kind, name }) => ({ object: `${kind} ${name}`, state: stateOfObject(kind, name) })),
    problems: desired.problems
      .filter((problem) => problem.baseline.name === metadata.name)
      .map(({ message }) => message),
  };
}
