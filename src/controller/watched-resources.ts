/** What is watched, and what is kept of it: one store for each resource. */
import isEqual from 'lodash/isEqual.js';
import { type ManagedKind, managedKindNames, managedKinds, type ResourceType } from '../api/kinds.ts';
import { group, version } from '../api/labels.ts';
import type { KubernetesObject, RbacRule } from '../api/objects.ts';
import type { BaselineException, SecurityBaseline } from '../api/types.generated.ts';
import { type DnsService, dnsFactsOf, dnsServices } from '../baseline/peers/dns.ts';
import {
  apiServerEndpointsOf,
  apiServerSlices,
  type EndpointSlice,
} from '../baseline/peers/kubernetes-api.ts';
import { type Node, nodeFactsOf } from '../baseline/peers/nodes.ts';
import type { Fingerprinter } from '../diff/fingerprint.ts';
import { observe, sameObject } from '../diff/observed.ts';
import { type ObservedNamespace, observeNamespace, sameNamespace } from '../diff/observed-namespace.ts';
import { identityOf, Store, type StoreReader, type StoreRecord } from '../runtime/store.ts';
import { StringPool } from '../runtime/string-pool.ts';
import type {
  ApiServerRecord,
  BaselineRecord,
  ClusterRoleRecord,
  DnsServiceRecord,
  NodeRecord,
  ServiceRangeRecord,
  Stores,
} from './cluster-view.ts';
import { type RemovalHoldsRecord, readRemovalHolds, removalHoldsName } from './removal-holds.ts';

/** An exception, kept whole: there are few. */
export interface ExceptionRecord extends StoreRecord {
  readonly exception: BaselineException;
}

/** An object with the metadata that the API server always sends. */
export type ServedObject = KubernetesObject & {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string };
};

/** A resource to watch, whole or in part, and the store it fills. */
export interface WatchedResource {
  /** Distinguishes several watches of one resource. */
  readonly id: string;
  readonly type: ResourceType & { readonly namespaced: boolean };
  readonly selection: {
    readonly namespace?: string;
    readonly fieldSelector?: string;
    readonly labelSelector?: string;
  };
  /** A server that does not serve it has none of it; else such a server is waited for. Default false. */
  readonly optional?: boolean;
  readonly store: Store<StoreRecord, ServedObject>;
  /** What a change is about. */
  readonly concerns: 'baselines' | 'namespaces' | 'objects' | 'holds';
}

/** All watched resources, by what they are for. */
export interface WatchedResources extends Stores {
  readonly removalHolds: StoreReader<RemovalHoldsRecord>;
  readonly exceptions: StoreReader<ExceptionRecord>;
  readonly all: readonly WatchedResource[];
}

/** Where baselines are served. */
export const baselineType: WatchedResource['type'] = {
  group,
  version,
  plural: 'securitybaselines',
  namespaced: false,
};

/** Where exceptions are served. */
export const exceptionType: WatchedResource['type'] = {
  group,
  version,
  plural: 'baselineexceptions',
  namespaced: true,
};

/** Where held removals are listed. */
export const configMapType: WatchedResource['type'] = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  namespaced: true,
};

/** Where namespaces are served. */
export const namespaceType: WatchedResource['type'] = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  namespaced: false,
};

/**
 * Makes the stores of everything that is watched.
 *
 * @param options.grantableRole the name of the ClusterRole that says what baselines may grant
 * @param options.namespace the operator's own namespace
 */
export function createWatchedResources(
  fingerprinter: Fingerprinter,
  options: { readonly grantableRole: string; readonly namespace: string },
): WatchedResources {
  const strings = new StringPool();
  const all: WatchedResource[] = [];

  function watch<R extends StoreRecord>(
    resource: Omit<WatchedResource, 'id' | 'store'>,
    store: Store<R, ServedObject>,
  ): StoreReader<R> {
    const { plural, group: apiGroup } = resource.type;
    const part = resource.selection.namespace ?? '';
    const id = [plural, apiGroup, part].filter((text) => text !== '').join('.');
    all.push({ ...resource, id, store: store as unknown as WatchedResource['store'] });
    return store;
  }

  const baselines = watch(
    { type: baselineType, selection: {}, concerns: 'baselines' },
    new Store<BaselineRecord, ServedObject>({
      strings,
      project: (object, intern) => ({
        ...identityOf(object, intern),
        baseline: withoutManagedFields(object) as unknown as SecurityBaseline,
      }),
      same: (a, b) => sameBaseline(a.baseline, b.baseline),
    }),
  );
  const namespaces = watch(
    { type: namespaceType, selection: {}, concerns: 'namespaces' },
    new Store<ObservedNamespace, ServedObject>({
      strings,
      project: observeNamespace,
      same: sameNamespace,
    }),
  );
  const objects = Object.fromEntries(
    managedKindNames.map((kind) => [
      kind,
      watch(
        { type: { ...managedKinds[kind], namespaced: true }, selection: {}, concerns: 'objects' },
        new Store({
          strings,
          project: (object, intern) => observe(kind, object, fingerprinter, intern),
          same: sameObject,
        }),
      ),
    ]),
  ) as Record<ManagedKind, ReturnType<typeof watch<NonNullable<ReturnType<typeof observe>>>>>;
  const services = dnsServices.map(({ namespace, name }) =>
    watch(
      {
        type: { group: '', version: 'v1', plural: 'services', namespaced: true },
        selection: { namespace, fieldSelector: `metadata.name=${name}` },
        concerns: 'baselines',
      },
      new Store<DnsServiceRecord, ServedObject>({
        strings,
        project: (object, intern) => ({
          ...identityOf(object, intern),
          facts: dnsFactsOf(object as DnsService),
        }),
        same: (a, b) => JSON.stringify(a.facts) === JSON.stringify(b.facts),
      }),
    ),
  );
  const grantable = watch(
    {
      type: { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles', namespaced: false },
      selection: { fieldSelector: `metadata.name=${options.grantableRole}` },
      concerns: 'baselines',
    },
    new Store<ClusterRoleRecord, ServedObject>({
      strings,
      project: (object, intern) => ({
        ...identityOf(object, intern),
        rules: (object.rules ?? []) as readonly RbacRule[],
      }),
      same: (a, b) => JSON.stringify(a.rules) === JSON.stringify(b.rules),
    }),
  );
  const removalHolds = watch(
    {
      type: configMapType,
      selection: { namespace: options.namespace, fieldSelector: `metadata.name=${removalHoldsName}` },
      concerns: 'holds',
    },
    new Store<RemovalHoldsRecord, ServedObject>({
      strings,
      project: (object, intern) => ({ ...identityOf(object, intern), ...readRemovalHolds(object) }),
      same: (a, b) => a.asked.join() === b.asked.join(),
    }),
  );
  const apiServers = watch(
    {
      type: { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', namespaced: true },
      selection: apiServerSlices,
      concerns: 'baselines',
    },
    new Store<ApiServerRecord, ServedObject>({
      strings,
      project: (object, intern) => ({
        ...identityOf(object, intern),
        endpoints: apiServerEndpointsOf(object as unknown as EndpointSlice),
      }),
      same: (a, b) => isEqual(a.endpoints, b.endpoints),
    }),
  );
  const nodes = watch(
    {
      type: { group: '', version: 'v1', plural: 'nodes', namespaced: false },
      selection: {},
      concerns: 'baselines',
    },
    new Store<NodeRecord, ServedObject>({
      strings,
      project: (object, intern) => ({ ...identityOf(object, intern), facts: nodeFactsOf(object as Node) }),
      same: (a, b) => isEqual(a.facts, b.facts),
    }),
  );
  const serviceRanges = watch(
    {
      type: { group: 'networking.k8s.io', version: 'v1', plural: 'servicecidrs', namespaced: false },
      selection: {},
      optional: true,
      concerns: 'baselines',
    },
    new Store<ServiceRangeRecord, ServedObject>({
      strings,
      project: (object, intern) => ({
        ...identityOf(object, intern),
        cidrs: (object.spec as { readonly cidrs?: readonly string[] } | undefined)?.cidrs ?? [],
      }),
      same: (a, b) => isEqual(a.cidrs, b.cidrs),
    }),
  );
  const exceptions = watch(
    { type: exceptionType, selection: {}, concerns: 'objects' },
    new Store<ExceptionRecord, ServedObject>({
      strings,
      project: (object, intern) => ({
        ...identityOf(object, intern),
        exception: withoutManagedFields(object) as unknown as BaselineException,
      }),
      same: (a, b) => sameException(a.exception, b.exception),
    }),
  );
  return {
    exceptions,
    removalHolds,
    baselines,
    namespaces,
    objects,
    dnsServices: services,
    grantable,
    apiServers,
    nodes,
    serviceRanges,
    all,
  };
}

/** The status is ours and no news; annotations may confirm something. */
function sameBaseline(a: SecurityBaseline, b: SecurityBaseline): boolean {
  return (
    a.metadata.uid === b.metadata.uid &&
    a.metadata.generation === b.metadata.generation &&
    a.metadata.deletionTimestamp === b.metadata.deletionTimestamp &&
    JSON.stringify(a.metadata.annotations) === JSON.stringify(b.metadata.annotations)
  );
}

/** The spec cannot change; of the status, only the approval is not ours. */
function sameException(a: BaselineException, b: BaselineException): boolean {
  return (
    a.metadata.uid === b.metadata.uid &&
    a.metadata.deletionTimestamp === b.metadata.deletionTimestamp &&
    JSON.stringify(a.status?.approval) === JSON.stringify(b.status?.approval)
  );
}

/** Managed fields are of no use where an object is kept whole, and the largest part of some. */
function withoutManagedFields(object: ServedObject): ServedObject {
  return { ...object, metadata: { ...object.metadata, managedFields: [] } };
}
