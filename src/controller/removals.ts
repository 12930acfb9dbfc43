/** Puts the removal gate to work: what it asks of the cluster, and where it says what it holds. */
import type { KubernetesObject } from '../api/objects.ts';
import type { ApiClient } from '../kube/api-client.ts';
import { isApiError } from '../kube/api-error.ts';
import type { EventInput } from '../kube/event-recorder.ts';
import type { Clock } from '../runtime/clock.ts';
import type { StoreReader } from '../runtime/store.ts';
import type { LogFields, Logger } from '../telemetry/logger.ts';
import type { WriteTarget } from './change-writer.ts';
import type { ClusterView } from './cluster-view.ts';
import type { DesiredStates } from './desired-states.ts';
import { type CrdState, type Hold, RemovalGate } from './removal-gate.ts';
import {
  confirmAnnotation,
  currentHolds,
  type RemovalHoldsRecord,
  removalHoldsName,
  removalHoldsPatch,
} from './removal-holds.ts';

const crdName = 'securitybaselines.securitybaseline.io';

/** What removals work with. */
export interface RemovalsParts {
  readonly client: ApiClient;
  readonly cluster: ClusterView;
  readonly desiredStates: DesiredStates;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly record: (event: EventInput) => void;
  /** Where holds are listed. */
  readonly target: WriteTarget;
  readonly store: StoreReader<RemovalHoldsRecord>;
  /** The operator's own namespace. */
  readonly namespace: string;
  readonly threshold: number;
  readonly windowMs: number;
  /** What is held has changed, which statuses may have to show. */
  readonly onChange: () => void;
}

/** Makes the gate that every removal passes. */
export function createRemovalGate(parts: RemovalsParts): RemovalGate {
  const { cluster, desiredStates, clock, threshold, windowMs, store, logger } = parts;
  let said: ReadonlyMap<string, Hold> = new Map();
  return new RemovalGate({
    clock,
    threshold,
    windowMs,
    baseline: (uid) => cluster.baselineByUid(uid),
    losers: (uid) => losersOf(uid, cluster, desiredStates),
    readCrd: () => readCrd(parts.client),
    isConfirmed: (uid) => currentHolds(store)?.confirmed.includes(uid) === true,
    onChange: (holds) => {
      for (const hold of holds.values()) if (!said.has(hold.uid)) announce(hold, parts);
      for (const hold of said.values())
        if (!holds.has(hold.uid)) logger.info('removal held no longer', lineOf(hold));
      said = new Map(holds);
      parts.onChange();
      write(holds, parts).catch((error: unknown) => logger.warn('removal holds not written', { error }));
    },
  });
}

/** Namespaces that hold something of a baseline that gives them nothing any more. */
function losersOf(uid: string, cluster: ClusterView, desiredStates: DesiredStates): readonly string[] {
  return [...cluster.namespacesHolding(uid)].filter((name) => {
    const namespace = cluster.namespace(name);
    if (namespace === undefined) return false;
    const { baselines, auditing } = desiredStates.of(namespace);
    return ![...baselines, ...auditing].some((ref) => ref.uid === uid);
  });
}

async function readCrd(client: ApiClient): Promise<CrdState | undefined> {
  try {
    const { metadata } = await client.request<KubernetesObject>({
      operation: { verb: 'get', resource: 'customresourcedefinitions', name: crdName },
      method: 'GET',
      path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crdName}`,
    });
    return {
      isTerminating: metadata.deletionTimestamp !== undefined,
      createdAt: Date.parse(metadata.creationTimestamp ?? ''),
    };
  } catch (error) {
    if (isApiError(error, 'notFound')) return undefined;
    throw error;
  }
}

async function write(
  holds: ReadonlyMap<string, Hold>,
  { target, store, namespace }: RemovalsParts,
): Promise<void> {
  const patch = removalHoldsPatch(holds, currentHolds(store));
  target.observe(await target.client.mergePatch(removalHoldsName, namespace, patch));
}

function announce(hold: Hold, { logger, record, namespace, cluster }: RemovalsParts): void {
  logger.warn('removal held', lineOf(hold));
  const baseline = cluster.baselineByUid(hold.uid);
  record({
    regarding:
      baseline === undefined
        ? { apiVersion: 'v1', kind: 'ConfigMap', name: removalHoldsName, namespace }
        : {
            apiVersion: baseline.apiVersion,
            kind: baseline.kind,
            name: baseline.metadata.name,
            uid: hold.uid,
          },
    type: 'Warning',
    reason: 'RemovalHeld',
    action: 'Hold',
    note: describeHold(hold, namespace),
  });
}

function lineOf({ uid, name, reason, namespaces }: Hold): LogFields {
  return { object: { kind: 'SecurityBaseline', name, uid }, reason, namespaces };
}

/** What is held, and how to go on. */
export function describeHold({ uid, name, reason, namespaces }: Hold, operatorNamespace: string): string {
  const what = `${namespaces} namespaces would lose the protection of baseline ${name || uid}`;
  const confirm = `kubectl annotate -n ${operatorNamespace} configmap ${removalHoldsName} ${confirmAnnotation(uid)}=yes`;
  switch (reason) {
    case 'ManyNamespaces':
      return `${what}; nothing is removed until its selector is put back, or this is confirmed: ${confirm}`;
    case 'BaselinesUnreadable':
      return `${what}, because the CRD is gone; nothing is removed. Restore the CRD and the baselines`;
    case 'CrdRecreated':
      return `${what}: it vanished with its CRD; nothing is removed until it is restored, or this is confirmed: ${confirm}`;
  }
}
