/** Puts the removal gate to work: what it asks of the cluster, and where it says what it holds. */
import type { KubernetesObject } from '../api/objects.ts';
import type { ApiClient } from '../kube/api-client.ts';
import { isApiError } from '../kube/api-error.ts';
import type { EventInput } from '../kube/event-recorder.ts';
import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import type { StoreReader } from '../runtime/store.ts';
import type { LogFields, Logger } from '../telemetry/logger.ts';
import type { WriteTarget } from './change-writer.ts';
import type { ClusterView } from './cluster-view.ts';
import { isLosing, losingNow } from './losses.ts';
import type { NamespaceStates } from './namespace-states.ts';
import { type CrdState, RemovalGate } from './removal-gate.ts';
import {
  confirmAnnotation,
  currentHolds,
  type Hold,
  isAsked,
  type RemovalHoldsRecord,
  removalHoldsName,
  removalHoldsPatch,
} from './removal-holds.ts';

const crdName = 'securitybaselines.securitybaseline.io';

/** What removals work with. */
export interface RemovalsParts {
  readonly client: ApiClient;
  readonly cluster: ClusterView;
  readonly states: NamespaceStates;
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
  readonly isLeading: () => boolean;
  readonly lookAgain: (namespace: string) => void;
  /** What is held has changed, which statuses may have to show. */
  readonly onChange: () => void;
}

/** Makes the gate that every removal passes. */
export function createRemovalGate(parts: RemovalsParts): RemovalGate {
  const { cluster, states, clock, threshold, windowMs, store, logger, isLeading } = parts;
  let said: ReadonlyMap<string, Hold> = new Map();
  const write = createWriter(parts, () => gate.carried);
  const gate = new RemovalGate({
    clock,
    threshold,
    windowMs,
    baseline: (uid) => cluster.baselineByUid(uid),
    losing: () => losingNow(cluster, states),
    isThere: (namespace) => cluster.namespace(namespace) !== undefined,
    isLosing: (uid, namespace) => {
      const desired = states.get(namespace)?.desired;
      return desired !== undefined && isLosing(uid, namespace, desired, cluster);
    },
    readCrd: () => readCrd(parts),
    isConfirmed: (uid) => isAsked(currentHolds(store), uid),
    isLeading,
    lookAgain: (namespaces) => {
      for (const namespace of namespaces) parts.lookAgain(namespace);
    },
    onChange: () => {
      const holds = new Map(gate.holds);
      for (const hold of holds.values()) {
        if (said.get(hold.uid)?.reason !== hold.reason) announce(hold, parts);
      }
      for (const hold of said.values())
        if (!holds.has(hold.uid)) logger.info('removal held no longer', lineOf(hold));
      said = holds;
      parts.onChange();
      write();
    },
  });
  return gate;
}

/** An error is no CRD: nothing is removed then, and repairs do not fail for it. */
async function readCrd({ client, logger }: RemovalsParts): Promise<CrdState | undefined> {
  try {
    const { metadata } = await client.request<KubernetesObject>({
      operation: { verb: 'get', resource: 'customresourcedefinitions', name: crdName },
      method: 'GET',
      path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crdName}`,
      // The schema is some fifty times as long.
      accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    });
    return {
      isTerminating: metadata.deletionTimestamp !== undefined,
      createdAt: Date.parse(metadata.creationTimestamp ?? ''),
    };
  } catch (error) {
    if (!isApiError(error, 'notFound', 'aborted')) logger.warn('CRD of baselines not read', { error });
    return undefined;
  }
}

/** Writes one patch at a time, made of what is known by then, and tries again until one that tells everything has been written. */
function createWriter(
  { target, store, namespace, clock, logger, isLeading }: RemovalsParts,
  wanted: () => RemovalGate['carried'],
): () => void {
  const backoff = new Backoff({ initialMs: 1_000, maxMs: 60_000 });
  let isDue = false;
  let isWriting = false;
  const run = async (): Promise<void> => {
    isWriting = true;
    while (isDue && isLeading()) {
      isDue = false;
      try {
        const patch = removalHoldsPatch(wanted(), currentHolds(store));
        if (patch !== undefined)
          target.observe(await target.client.mergePatch(removalHoldsName, namespace, patch));
        backoff.reset();
      } catch (error) {
        isDue = true;
        logger.warn('removal holds not written', { error });
        await clock.sleep(backoff.next());
      }
    }
    isWriting = false;
  };
  return () => {
    isDue = true;
    if (!isWriting) void run();
  };
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
export function describeHold(hold: Hold, operatorNamespace: string): string {
  const { uid, name, reason, namespaces, ofAll } = hold;
  const lose = `${namespaces} namespace${namespaces === 1 ? '' : 's'} would lose the protection of baseline ${name || uid}`;
  const together =
    ofAll === undefined ? '' : `, ${ofAll} that of any baseline, counting what has gone lately`;
  const confirm = `kubectl annotate -n ${operatorNamespace} configmap ${removalHoldsName} ${confirmAnnotation(uid)}=yes`;
  switch (reason) {
    case 'ManyNamespaces':
      return `${lose}${together}; nothing is removed until its selector is put back, or this is confirmed: ${confirm}`;
    case 'BaselinesUnreadable':
      return `${lose}, because the CRD is gone or cannot be read; nothing is removed. Restore the CRD and the baselines`;
    case 'CrdRecreated':
      return `${lose}: it vanished with its CRD; nothing is removed until it is restored, or this is confirmed: ${confirm}`;
  }
}
