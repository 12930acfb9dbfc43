/** Puts a plan together. */

import isEqual from 'lodash/isEqual.js';
import type { KubernetesObject } from '../../api/objects.ts';
import type { BaselineException, ResourceQuotaSpec, SecurityBaseline } from '../../api/types.generated.ts';
import { isEnforcing, selects } from '../../baseline/selection.ts';
import type { ObservedNamespace } from '../../diff/observed-namespace.ts';
import type { Evaluation, Fleet } from '../cluster/fleet.ts';
import type { Gap } from '../cluster/gap.ts';
import type { PodRecord } from '../cluster/pod-record.ts';
import { admissionViolations } from './admission-violations.ts';
import { connectionChanges, noLimits, readableLimits } from './connection-changes.ts';
import { describeChanges, type PlannedChanges, plannedChanges } from './object-changes.ts';
import { unknownUse } from './quota-violations.ts';
import type { PlanReport, Subject, Violation } from './report.ts';
import { objectViolations, stateViolations } from './violations.ts';

/** What the plan is made of. */
export interface PlanInput {
  readonly fleet: Fleet;
  /** Undefined where pods could not be read. */
  readonly pods: readonly PodRecord[] | undefined;
  /** Services and Ingresses, where a rule is about them. */
  readonly exposing: readonly KubernetesObject[];
  readonly proposal: PlannedObjects;
  /** What the API server says when asked; undefined for a plan without one. */
  readonly askPodSecurity?: (
    planned: readonly PlannedChanges[],
    after: Evaluation,
  ) => Promise<readonly Violation[]>;
  /** Every connection that changes, however many. Default: as many as can be read. */
  readonly isVerbose?: boolean;
  /** What could not be seen, once everything has been asked. */
  readonly gaps: () => readonly Gap[];
}

/** What is planned, as the API server would store it. */
export interface PlannedObjects {
  readonly baselines: readonly SecurityBaseline[];
  readonly exceptions: readonly BaselineException[];
  /** They go instead of coming. */
  readonly isDeletion: boolean;
}

/** Computes the effect. Pure but for what `askPodSecurity` asks. */
export async function makePlan(input: PlanInput): Promise<PlanReport> {
  const { fleet, pods, proposal } = input;
  const before = fleet.evaluate();
  const after = fleet.evaluate(proposedState(fleet, proposal));
  const affected = affectedBy(proposal, before, after);
  const { planned, pending } = plannedChanges(before, after, affected);
  const podsByNamespace = Map.groupBy(pods ?? [], ({ namespace }) => namespace);
  const exposing = Map.groupBy(input.exposing, ({ metadata }) => metadata.namespace ?? '');
  const podSecurity = (await input.askPodSecurity?.(planned, after)) ?? [];
  const violations = [
    ...podSecurity,
    ...planned.flatMap((changes) => objectViolations(changes, fleet, after, podsByNamespace)),
    ...affected.flatMap((namespace) => stateViolations(namespace, before, after)),
    ...affected.flatMap((namespace) =>
      admissionViolations(
        {
          namespace,
          pods: podsByNamespace.get(namespace.name) ?? [],
          exposing: exposing.get(namespace.name) ?? [],
        },
        before,
        after,
      ),
    ),
  ];
  return {
    subjects: subjectsOf(fleet, proposal, before, after),
    objects: describeChanges(planned, fleet),
    connections:
      pods === undefined || !fleet.hasReadKind('NetworkPolicy')
        ? undefined
        : connectionChanges(fleet, pods, planned, input.isVerbose === true ? noLimits : readableLimits),
    violations: violations.toSorted(byPlace),
    notes: notesOf(planned, fleet, podsByNamespace, pending, proposal),
    gaps: input.gaps(),
  };
}

/** Baselines and exceptions as they would be. */
function proposedState(fleet: Fleet, { baselines, exceptions, isDeletion }: PlannedObjects) {
  const keyOf = ({ kind, metadata }: SecurityBaseline | BaselineException): string =>
    `${kind}/${metadata.namespace ?? ''}/${metadata.name}`;
  const replaced = new Set([...baselines, ...exceptions].map(keyOf));
  const keptBaselines = fleet.baselines.filter((each) => !replaced.has(keyOf(each)));
  const keptExceptions = fleet.exceptions.filter((each) => !replaced.has(keyOf(each)));
  if (isDeletion) return { baselines: keptBaselines, exceptions: keptExceptions };
  return {
    baselines: [...keptBaselines, ...baselines.map((each) => asNext(each, current(fleet.baselines, each)))],
    exceptions: [...keptExceptions, ...exceptions.map(asApproved)],
  };
}

function current<T extends SecurityBaseline>(all: readonly T[], { metadata }: T): T | undefined {
  return all.find((each) => each.metadata.name === metadata.name);
}

/** The next generation of a baseline; a new one gets a UID that is the same in every run. */
function asNext(planned: SecurityBaseline, before: SecurityBaseline | undefined): SecurityBaseline {
  const uid = before?.metadata.uid ?? `planned-${planned.metadata.name}`;
  const generation = (before?.metadata.generation ?? 0) + 1;
  const { deletionTimestamp: _, ...metadata } = planned.metadata;
  return { ...planned, metadata: { ...metadata, uid, generation } };
}

/** An exception has an effect once it is approved: that is the effect to see. */
function asApproved(planned: BaselineException): BaselineException {
  const uid = `planned-${planned.metadata.namespace}-${planned.metadata.name}`;
  const metadata = { creationTimestamp: new Date(0).toISOString(), ...planned.metadata, uid, generation: 1 };
  return { ...planned, metadata, status: { approval: { by: 'this plan', uid, generation: 1 } } };
}

function subjectsOf(
  fleet: Fleet,
  proposal: PlannedObjects,
  before: Evaluation,
  after: Evaluation,
): Subject[] {
  const { baselines, exceptions, isDeletion } = proposal;
  const problems = new Map<string, Set<string>>();
  for (const namespace of after.namespaces) {
    for (const { baseline, message } of after.desired.of(namespace).problems) {
      problems.set(baseline.name, (problems.get(baseline.name) ?? new Set()).add(message));
    }
  }
  const ofBaselines = baselines.map((planned): Subject => {
    const old = before.baselines.find(({ metadata }) => metadata.name === planned.metadata.name);
    const now = after.baselines.find(({ metadata }) => metadata.name === planned.metadata.name);
    const has = (baseline: SecurityBaseline | undefined, evaluation: Evaluation): ReadonlySet<string> =>
      new Set(
        baseline === undefined
          ? []
          : evaluation.namespaces.filter((each) => selects(baseline, each)).map(({ name }) => name),
      );
    const had = has(old, before);
    const will = has(now, after);
    return {
      kind: 'SecurityBaseline',
      name: planned.metadata.name,
      action: actionOf(old, now),
      gained: [...will].filter((name) => !had.has(name)),
      lost: [...had].filter((name) => !will.has(name)),
      selected: will.size,
      problems: [...(problems.get(planned.metadata.name) ?? [])].sort(),
    };
  });
  const ofExceptions = exceptions.map((planned): Subject => {
    const namespace = planned.metadata.namespace ?? '';
    const old = fleet.exceptions.find(
      ({ metadata }) => metadata.name === planned.metadata.name && metadata.namespace === namespace,
    );
    const observed = after.view.namespace(namespace);
    const judged = observed === undefined ? [] : after.desired.judge(observed);
    const verdict = judged.find(
      ({ exception }) => exception.metadata.name === planned.metadata.name,
    )?.verdict;
    const isRefused = verdict !== undefined && verdict.state !== 'Active';
    return {
      kind: 'BaselineException',
      name: planned.metadata.name,
      namespace,
      action: actionOf(old, isDeletion ? undefined : planned),
      gained: [],
      lost: [],
      selected: observed === undefined ? 0 : 1,
      problems: [
        ...(observed === undefined ? [`there is no namespace ${namespace} that baselines can select`] : []),
        ...(isRefused ? [`${verdict.state}: ${verdict.message}`] : []),
      ],
    };
  });
  return [...ofBaselines, ...ofExceptions];
}

function actionOf(
  old: { readonly spec: object } | undefined,
  now: { readonly spec: object } | undefined,
): Subject['action'] {
  if (now === undefined) return old === undefined ? 'unchanged' : 'delete';
  if (old === undefined) return 'create';
  return isEqual(old.spec, now.spec) ? 'unchanged' : 'change';
}

/** The namespaces that a planned baseline selects, before or after, or that a planned exception is in. */
function affectedBy(
  { baselines, exceptions }: PlannedObjects,
  before: Evaluation,
  after: Evaluation,
): readonly ObservedNamespace[] {
  const names = new Set(baselines.map(({ metadata }) => metadata.name));
  const versions = [...before.baselines, ...after.baselines].filter(({ metadata }) =>
    names.has(metadata.name),
  );
  const homes = new Set(exceptions.map(({ metadata }) => metadata.namespace));
  return after.namespaces.filter(
    (namespace) => homes.has(namespace.name) || versions.some((baseline) => selects(baseline, namespace)),
  );
}

function byPlace(a: Violation, b: Violation): number {
  const key = ({ namespace, rule, subject, message }: Violation): string =>
    [namespace, rule, subject, message].join('\u0000');
  return key(a) < key(b) ? -1 : 1;
}

/** The operator's default for --removal-threshold. */
const removalThreshold = 10;

function notesOf(
  planned: readonly PlannedChanges[],
  fleet: Fleet,
  podsByNamespace: ReadonlyMap<string, readonly PodRecord[]>,
  pending: number,
  proposal: PlannedObjects,
): readonly string[] {
  const notes: string[] = [];
  if (pending > 0) {
    notes.push(
      `${pending} changes in these namespaces are under way or overdue without this plan, and are not shown: is the operator running?`,
    );
  }
  const losing = planned.filter(({ changes }) =>
    changes.some((change) => change.action === 'delete' || (change.action === 'label' && change.loses)),
  );
  if (losing.length > removalThreshold) {
    notes.push(
      `${losing.length} namespaces lose protection: more than ${removalThreshold} at once are held by the operator (unless told otherwise at install) until confirmed`,
    );
  }
  const auditing = proposal.isDeletion ? [] : proposal.baselines.filter((baseline) => !isEnforcing(baseline));
  for (const { metadata } of auditing) {
    notes.push(
      `${metadata.name} is in Audit mode and writes nothing; to see what it would do: --as-enforced`,
    );
  }
  if (proposal.exceptions.length > 0 && !proposal.isDeletion) {
    notes.push('an exception has this effect once it is approved: kubectl baseline exception approve');
  }
  const unknown = new Set<string>();
  for (const { namespace, changes } of planned) {
    for (const change of changes) {
      if (!('desired' in change) || change.desired.kind !== 'ResourceQuota') continue;
      const spec = change.desired.manifest.spec as ResourceQuotaSpec;
      const input = {
        namespace: namespace.name,
        name: change.desired.name,
        spec,
        pods: podsByNamespace.get(namespace.name) ?? [],
        current: fleet.inNamespace('ResourceQuota', namespace.name),
        limits: [],
      };
      for (const resource of unknownUse(input)) unknown.add(resource);
    }
  }
  if (unknown.size > 0) {
    notes.push(
      `how much of ${[...unknown].sort().join(', ')} is in use is not known before there is a quota on it`,
    );
  }
  return notes;
}
