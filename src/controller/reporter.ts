/** Tells people and machines what happened: events in the tenant's namespace, logs and metrics. */
import { apiVersionOf, managedKinds } from '../api/kinds.ts';
import { apiVersion } from '../api/labels.ts';
import { defaultServiceAccountName } from '../api/names.ts';
import type { BaselineRef } from '../baseline/desired-state.ts';
import { type Change, describeChange } from '../diff/change-set.ts';
import type { ObservedObject } from '../diff/observed.ts';
import type { ObservedNamespace } from '../diff/observed-namespace.ts';
import type { EventInput, ObjectReference } from '../kube/event-recorder.ts';
import type { Clock } from '../runtime/clock.ts';
import { actorOf } from '../telemetry/actor.ts';
import type { BaselineMetrics } from '../telemetry/baseline-metrics.ts';
import type { Failure } from './failure.ts';
import type { AuditFinding, NamespaceState } from './namespace-states.ts';
import type { ReconcileLogs } from './reconcile-logs.ts';

/** Where reports go. */
export interface ReporterSinks {
  readonly record: (event: EventInput) => void;
  readonly logs: ReconcileLogs;
  readonly metrics: BaselineMetrics;
  readonly clock: Clock;
}

/** More of one namespace would not fit into an event. */
const maxChangesNamed = 8;

const writes = {
  create: 'created',
  replace: 'updated',
  recreate: 'updated',
  patch: 'updated',
  label: 'updated',
  'set-default-token': 'updated',
  release: 'updated',
  delete: 'deleted',
} as const;

/** Reports what the namespace reconciler did and found. */
export class Reporter {
  readonly #sinks: ReporterSinks;

  constructor(sinks: ReporterSinks) {
    this.#sinks = sinks;
  }

  /**
   * Changes were made.
   *
   * @param wasInPlace whether it was as desired before, so that whatever differed is somebody else's doing
   */
  changed(
    namespace: ObservedNamespace,
    changes: readonly Change[],
    wasInPlace: (change: Change) => boolean,
  ): void {
    const { logs, metrics } = this.#sinks;
    const log = logs.of(namespace.name);
    const expected: Change[] = [];
    for (const change of changes) {
      const { kind } = referenceOf(change, namespace);
      metrics.countWrite(kind, writes[change.action]);
      const tampering = tamperingOf(change, wasInPlace(change));
      if (tampering === undefined) {
        expected.push(change);
        continue;
      }
      metrics.countDriftRepair(kind, actorOf(rivalOf(change)));
      log.warn('drift repaired', {
        object: loggedReference(change, namespace),
        action: change.action,
        reason: tampering.reason,
        found: tampering.found,
        actor: rivalOf(change),
      });
      this.#sinks.record({
        regarding: referenceOf(change, namespace),
        type: 'Warning',
        reason: tampering.reason,
        action: 'Repair',
        note: `${tampering.found}; ${
          change.action === 'delete'
            ? 'deleted, since what its baseline allows there cannot be told at the moment'
            : 'put back as its baseline declares'
        }`,
      });
    }
    if (expected.length > 0) log.debug('namespace changed', { changes: expected.map(describeChange) });
  }

  /** Somebody keeps changing what we keep putting back. */
  rival(namespace: ObservedNamespace, change: Change): void {
    const { metrics, logs } = this.#sinks;
    const rival = rivalOf(change);
    metrics.countRival(referenceOf(change, namespace).kind, actorOf(rival));
    logs.of(namespace.name).warn('rival', { object: loggedReference(change, namespace), actor: rival });
    this.#sinks.record({
      regarding: referenceOf(change, namespace),
      type: 'Warning',
      reason: 'Rival',
      action: 'Repair',
      note:
        `${rival ?? 'somebody'} keeps changing this object; it is put back each time, with growing pauses. ` +
        'Have it stop managing the object, or change the baseline',
    });
  }

  /** A namespace is hardened that was not before. */
  hardened(namespace: ObservedNamespace, before: NamespaceState | undefined): void {
    const { metrics, logs, clock } = this.#sinks;
    if (before === undefined || before.desired.baselines.length === 0) return;
    const seconds = (clock.monotonic() - before.since) / 1000;
    if (before.pending === 'new') metrics.observeTimeToHardened(seconds);
    // When the operator starts, and in a rollout, the whole fleet comes by: what that came to is in the status.
    const isNews = before.pending === 'new' || before.failures.length > 0;
    logs.of(namespace.name)[isNews ? 'info' : 'debug']('namespace hardened', { seconds });
    if (before.failures.length > 0) {
      this.#sinks.record({
        regarding: namespaceReference(namespace),
        type: 'Normal',
        reason: 'Hardened',
        action: 'Harden',
        note: `what stood in the way is gone; the namespace is hardened by ${before.desired.baselines.map(({ name }) => name).join(', ')}`,
      });
    }
  }

  /** What baselines in Audit mode would change is not what it was. */
  audited(
    namespace: ObservedNamespace,
    baselines: readonly BaselineRef[],
    findings: readonly AuditFinding[],
  ): void {
    for (const { name, uid } of baselines) {
      const changes = findings.filter(({ baselineUid }) => baselineUid === uid).map(({ change }) => change);
      this.#sinks.logs.of(namespace.name).info('audited', { baseline: name, changes });
      if (changes.length === 0) continue;
      const more = changes.length > maxChangesNamed ? `; and ${changes.length - maxChangesNamed} more` : '';
      this.#sinks.record({
        regarding: { apiVersion, kind: 'SecurityBaseline', name, uid },
        type: 'Normal',
        reason: 'WouldChange',
        action: 'Audit',
        note: `in namespace ${namespace.name}, enforcing would ${changes.slice(0, maxChangesNamed).join('; ')}${more}`,
      });
    }
  }

  /** Something new stands in a namespace's way. */
  failing(namespace: ObservedNamespace, failures: readonly Failure[]): void {
    for (const failure of failures) {
      const { message: note, ...rest } = failure;
      this.#sinks.logs.of(namespace.name).warn('namespace not hardened', { ...rest, note });
      if (failure.responsible === 'passing') continue;
      this.#sinks.record({
        regarding: namespaceReference(namespace),
        type: 'Warning',
        reason: failure.reason,
        action: 'Harden',
        note: failure.message,
      });
    }
  }
}

/** What somebody else did, in words. */
interface Tampering {
  readonly reason: 'DriftRepaired' | 'ImpostorReplaced';
  readonly found: string;
}

/** What somebody else did; undefined where a change follows from a baseline's own change. */
export function tamperingOf(change: Change, wasInPlace: boolean): Tampering | undefined {
  switch (change.action) {
    case 'create':
      return wasInPlace
        ? { reason: 'DriftRepaired', found: `${change.desired.kind} ${change.desired.name} was deleted` }
        : undefined;
    case 'delete':
      if (change.why === undefined) return undefined;
      return change.why === 'impostor' ? impostor(change.observed) : edited(change.observed);
    case 'replace':
    case 'recreate':
    case 'patch':
      if (change.why === 'impostor') return impostor(change.observed);
      return change.why === 'outdated' && !wasInPlace ? undefined : edited(change.observed);
    case 'label':
      return wasInPlace
        ? { reason: 'DriftRepaired', found: "the namespace's Pod Security labels were changed" }
        : undefined;
    case 'set-default-token':
      return wasInPlace
        ? { reason: 'DriftRepaired', found: 'ServiceAccount default was set to mount its token' }
        : undefined;
    default:
      return undefined;
  }
}

function impostor({ kind, name }: ObservedObject): Tampering {
  return {
    reason: 'ImpostorReplaced',
    found: `a ${kind} ${name} that the operator did not make stood in place of its own`,
  };
}

function edited({ kind, name, rival }: ObservedObject): Tampering {
  return {
    reason: 'DriftRepaired',
    found: `${kind} ${name} was changed${rival === undefined ? '' : ` by ${rival}`}`,
  };
}

/** Who last wrote the object beside us, by its own word; nobody is known where the object was deleted. */
function rivalOf(change: Change): string | undefined {
  return 'observed' in change ? change.observed.rival : undefined;
}

/** As logs have it: beside the namespace, which each line names. */
function loggedReference(change: Change, namespace: ObservedNamespace): { kind: string; name: string } {
  const { kind, name } = referenceOf(change, namespace);
  return { kind, name };
}

function referenceOf(change: Change, namespace: ObservedNamespace): ObjectReference {
  if (change.action === 'label') return namespaceReference(namespace);
  const kind =
    'desired' in change
      ? change.desired.kind
      : 'observed' in change
        ? change.observed.kind
        : 'ServiceAccount';
  const name =
    'desired' in change
      ? change.desired.name
      : 'observed' in change
        ? change.observed.name
        : defaultServiceAccountName;
  return { apiVersion: apiVersionOf(managedKinds[kind]), kind, name, namespace: namespace.name };
}

/** Given the namespace's own name as its namespace, so that the event is found inside it. */
function namespaceReference(namespace: ObservedNamespace): ObjectReference {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    name: namespace.name,
    namespace: namespace.name,
    uid: namespace.uid,
  };
}
