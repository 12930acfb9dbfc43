/** Wires the parts of hardening together: stores in, requests to the API server out. */
import { type ManagedKind, managedKindNames, managedKinds } from '../api/kinds.ts';
import { group } from '../api/labels.ts';
import type { KubernetesObject } from '../api/objects.ts';
import { Differ } from '../diff/diff.ts';
import type { Fingerprinter } from '../diff/fingerprint.ts';
import type { ApiClient } from '../kube/api-client.ts';
import { EventRecorder, eventsResource, type KubeEvent } from '../kube/event-recorder.ts';
import { ResourceClient } from '../kube/resource-client.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Reconcile } from '../runtime/controller.ts';
import type { WorkQueue } from '../runtime/work-queue.ts';
import type { FleetState } from '../telemetry/fleet-metrics.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { AdmissionCheck } from './admission-check.ts';
import { BaselineStatusReconciler } from './baseline-status-reconciler.ts';
import { ChangeWriter, type WriteTarget } from './change-writer.ts';
import { ClusterView } from './cluster-view.ts';
import { DesiredStates } from './desired-states.ts';
import { Exceptions } from './exceptions.ts';
import { readFleet } from './fleet-state.ts';
import { NamespaceReconciler } from './namespace-reconciler.ts';
import { NamespaceRequests } from './namespace-requests.ts';
import { NamespaceStates } from './namespace-states.ts';
import { isPermitted } from './permission.ts';
import { ReconcileLogs } from './reconcile-logs.ts';
import type { RemovalGate } from './removal-gate.ts';
import { createRemovalGate, describeHold } from './removals.ts';
import { Reporter } from './reporter.ts';
import { Rivals } from './rivals.ts';
import {
  baselineType,
  configMapType,
  exceptionType,
  namespaceType,
  type ServedObject,
  type WatchedResources,
} from './watched-resources.ts';

/** What is wired. */
export interface WiringParts {
  readonly client: ApiClient;
  readonly resources: WatchedResources;
  readonly fingerprinter: Fingerprinter;
  readonly queue: WorkQueue<string>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly settings: {
    /** The operator's own namespace. */
    readonly namespace: string;
    readonly protectedNamespaces: readonly string[];
    readonly clusterCidrs: readonly string[];
    readonly identity: string;
    readonly removalThreshold: number;
    readonly removalWindowMs: number;
    readonly resyncIntervalMs: number;
  };
}

/** What the operator drives. */
export interface Wiring {
  readonly requests: NamespaceRequests;
  readonly statuses: BaselineStatusReconciler;
  readonly gate: RemovalGate;
  readonly events: EventRecorder;
  readonly admission: AdmissionCheck;
  readonly reconcile: Reconcile<string>;
  /** Loggers for the reconciles in work; whoever runs them says when one has ended. */
  readonly logs: ReconcileLogs;
  /** The fleet as it is now; undefined where this replica does not lead, and so does not know. */
  readonly fleet: () => FleetState | undefined;
}

/** Makes the parts and connects them. Nothing runs before the operator lets it. */
export function wire(parts: WiringParts): Wiring {
  const { client, resources, fingerprinter, queue, clock, logger, metrics, settings } = parts;
  const target = (plural: string): WriteTarget => writeTarget(parts, plural);

  const events = new EventRecorder({
    events: new ResourceClient<KubeEvent>(client, eventsResource),
    clock,
    reportingController: `${group}/operator`,
    reportingInstance: settings.identity,
    onFailure: (error) => logger.warn('event not written', { error }),
    onDropped: metrics.countDroppedEvent,
  });
  const record: EventRecorder['record'] = (event) => events.record(event);
  const protectedNamespaces = [settings.namespace, ...settings.protectedNamespaces];
  const cluster = new ClusterView(resources, protectedNamespaces, settings.clusterCidrs);
  const desiredStates = new DesiredStates({
    exceptions: (name) => Array.from(resources.exceptions.inNamespace(name), ({ exception }) => exception),
    now: () => clock.now(),
  });
  const states = new NamespaceStates(() => statuses.changed());
  const requests = new NamespaceRequests({
    cluster,
    desiredStates,
    states,
    queue,
    clock,
    onFirstPassDone: (namespaces, durationMs) =>
      logger.info('every namespace looked at', { namespaces, durationMs: Math.round(durationMs) }),
  });
  const gate = createRemovalGate({
    client,
    cluster,
    states,
    clock,
    logger,
    record,
    target: target(configMapType.plural),
    store: resources.removalHolds,
    namespace: settings.namespace,
    threshold: settings.removalThreshold,
    windowMs: settings.removalWindowMs,
    isLeading: () => requests.isOpen,
    lookAgain: (namespace) => queue.add(namespace, 'normal'),
    onChange: () => statuses.changed(),
  });
  const admission = new AdmissionCheck(client, logger, () => statuses.changed());
  const statuses = new BaselineStatusReconciler({
    cluster,
    desiredStates,
    states,
    reconsiderHolds: () => gate.reconsider(),
    notesOf: (baseline) => {
      const hold = gate.holds.get(baseline.metadata.uid ?? '');
      return {
        held: hold === undefined ? undefined : describeHold(hold, settings.namespace),
        admissionOff: admission.problemOf(baseline),
      };
    },
    isReady: () => requests.isFirstPassDone && admission.isKnown,
    // A merge patch removes only what it names.
    write: (baseline, status) =>
      writeStatus(target(baselineType.plural), baseline, { audit: null, ...status }),
    resyncIntervalMs: settings.resyncIntervalMs,
    clock,
    logger,
  });
  const rivals = new Rivals(clock);
  const logs = new ReconcileLogs(logger);
  const reconciler = new NamespaceReconciler({
    cluster,
    desiredStates,
    differ: new Differ(fingerprinter),
    writer: new ChangeWriter({
      objects: Object.fromEntries(
        managedKindNames.map((kind) => [kind, target(managedKinds[kind].plural)]),
      ) as Record<ManagedKind, WriteTarget>,
      namespaces: target(namespaceType.plural),
    }),
    states,
    gate,
    rivals,
    exceptions: new Exceptions({
      desiredStates,
      clock,
      record,
      logOf: (namespace) => logs.of(namespace),
      write: (exception, status) =>
        writeStatus(target(exceptionType.plural), exception, { until: null, ...status }),
    }),
    reporter: new Reporter({ record, logs, metrics: metrics.baseline, clock }),
    clock,
    isPermitted: (change, namespace) => isPermitted(client, change, namespace),
    lookAgain: (namespace, inMs, lane) => queue.addAfter(namespace, inMs, lane),
  });
  const fleet = { cluster, desiredStates, states, gate, rivals, admission, clock };
  return {
    requests,
    statuses,
    gate,
    events,
    admission,
    reconcile: reconcileWith(reconciler, requests, logs),
    logs,
    fleet: () => (requests.isOpen ? readFleet(fleet) : undefined),
  };
}

/** Each reconcile has a logger of its own, and counts as a look at its namespace, however it ended. */
function reconcileWith(
  reconciler: NamespaceReconciler,
  requests: NamespaceRequests,
  logs: ReconcileLogs,
): Reconcile<string> {
  return async (name, signal) => {
    logs.begin(name);
    try {
      await reconciler.reconcile(name, signal);
    } finally {
      requests.visited(name);
    }
  };
}

/** Where a resource is written, and the store that the answers go to. */
function writeTarget({ client, resources }: WiringParts, plural: string): WriteTarget {
  const resource = resources.all.find(({ type }) => type.plural === plural);
  if (resource === undefined) throw new Error(`${plural} is not a watched resource`);
  const isManaged = managedKindNames.some((kind) => managedKinds[kind].plural === plural);
  return {
    client: new ResourceClient<KubernetesObject>(client, resource.type),
    // Managed objects are written whole, or at the version that was seen. Of all else we write a part.
    observe: (object) =>
      isManaged
        ? void resource.store.observe(object as ServedObject)
        : resource.store.observeShared(object as ServedObject),
  };
}

async function writeStatus(
  { client, observe }: WriteTarget,
  { metadata }: Pick<KubernetesObject, 'metadata'>,
  status: object,
): Promise<void> {
  const { name, namespace, uid } = metadata;
  observe(await client.mergePatch(name, namespace, { metadata: { uid }, status }, { subresource: 'status' }));
}
