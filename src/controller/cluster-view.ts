/** What the controllers read of the cluster: the stores that the watchers keep. */
import type { ManagedKind } from '../api/kinds.ts';
import type { RbacRule } from '../api/objects.ts';
import type { SecurityBaseline } from '../api/types.generated.ts';
import type { ApiServerEndpoints, ClusterFacts, DnsFacts, NodeFacts } from '../baseline/cluster-facts.ts';
import { systemNamespaces } from '../baseline/selection.ts';
import type { Observed } from '../diff/diff.ts';
import type { ObservedObject } from '../diff/observed.ts';
import type { ObservedNamespace } from '../diff/observed-namespace.ts';
import type { StoreReader, StoreRecord } from '../runtime/store.ts';

/** A baseline, kept whole: there are few. */
export interface BaselineRecord extends StoreRecord {
  readonly baseline: SecurityBaseline;
}

/** A Service behind which DNS pods may be found. */
export interface DnsServiceRecord extends StoreRecord {
  readonly facts: DnsFacts | undefined;
}

/** The grantable ClusterRole. */
export interface ClusterRoleRecord extends StoreRecord {
  readonly rules: readonly RbacRule[];
}

/** An EndpointSlice of the API server's Service. */
export interface ApiServerRecord extends StoreRecord {
  readonly endpoints: ApiServerEndpoints | undefined;
}

/** A Node. */
export interface NodeRecord extends StoreRecord {
  readonly facts: NodeFacts;
}

/** A ServiceCIDR. */
export interface ServiceRangeRecord extends StoreRecord {
  readonly cidrs: readonly string[];
}

/** The stores, as their readers see them. */
export interface Stores {
  readonly baselines: StoreReader<BaselineRecord>;
  readonly namespaces: StoreReader<ObservedNamespace>;
  readonly objects: Readonly<Record<ManagedKind, StoreReader<ObservedObject>>>;
  /** One reader for each of `dnsServices` (src/baseline/peers/dns.ts), in that order. */
  readonly dnsServices: readonly StoreReader<DnsServiceRecord>[];
  readonly grantable: StoreReader<ClusterRoleRecord>;
  readonly apiServers: StoreReader<ApiServerRecord>;
  readonly nodes: StoreReader<NodeRecord>;
  readonly serviceRanges: StoreReader<ServiceRangeRecord>;
}

/**
 * Times of creation are those of the API server that created, in whole seconds. Where there are several, an object may seem older than
 * its namespace by as much as their clocks differ; it must be seen all the same, or it would be created for ever. Milliseconds.
 */
const clockSkewMs = 5000;

/** Reads the stores as one cluster. */
export class ClusterView {
  readonly #stores: Stores;
  readonly #protected: ReadonlySet<string>;
  readonly #givenRanges: readonly string[];
  #apiServers: readonly ApiServerEndpoints[] = [];

  /**
   * @param protectedNamespaces beside those of the cluster itself: the operator's own, and those given by flag
   * @param givenRanges CIDRs of the cluster's own that the API server does not tell
   */
  constructor(stores: Stores, protectedNamespaces: readonly string[], givenRanges: readonly string[] = []) {
    this.#stores = stores;
    this.#givenRanges = givenRanges;
    this.#protected = new Set([...systemNamespaces, ...protectedNamespaces]);
  }

  get baselines(): readonly SecurityBaseline[] {
    return Array.from(this.#stores.baselines, ({ baseline }) => baseline);
  }

  baselineByUid(uid: string): SecurityBaseline | undefined {
    for (const { baseline } of this.#stores.baselines) if (baseline.metadata.uid === uid) return baseline;
    return undefined;
  }

  /** Everything that baselines may depend on beside themselves. */
  get facts(): ClusterFacts {
    const { dnsServices, grantable, nodes, serviceRanges } = this.#stores;
    const dns = dnsServices.flatMap((reader) => Array.from(reader, ({ facts }) => facts));
    const [grantableRole] = grantable;
    return {
      dns: dns.find((facts) => facts !== undefined),
      apiServers: this.#lastApiServers(),
      nodes: Array.from(nodes, ({ facts }) => facts),
      serviceRanges: Array.from(serviceRanges, ({ cidrs }) => cidrs).flat(),
      givenRanges: this.#givenRanges,
      grantable: grantableRole?.rules ?? [],
    };
  }

  /** The last known: an API server that restarts takes its address out of the EndpointSlices for a while. */
  #lastApiServers(): readonly ApiServerEndpoints[] {
    const found = Array.from(this.#stores.apiServers, ({ endpoints }) => endpoints);
    const known = found.filter((endpoints) => endpoints !== undefined);
    if (known.length > 0) this.#apiServers = known;
    return this.#apiServers;
  }

  /** The namespace, unless it is protected, on its way out, or not there. */
  namespace(name: string): ObservedNamespace | undefined {
    const namespace = this.#stores.namespaces.get('', name);
    return namespace === undefined || !this.#concernsUs(namespace) ? undefined : namespace;
  }

  /** All namespaces but protected and terminating ones. */
  *namespaces(): Iterable<ObservedNamespace> {
    for (const namespace of this.#stores.namespaces) if (this.#concernsUs(namespace)) yield namespace;
  }

  /** All objects of the managed kinds: some 70,000 in a fleet of 10,000 namespaces. */
  *objects(): Iterable<ObservedObject> {
    for (const store of Object.values(this.#stores.objects)) yield* store;
  }

  /**
   * A namespace with its objects, as `Differ.diff` takes it. Those of a namespace that had its name before are left out: they are
   * gone, though a watch that lags may have yet to tell.
   */
  observed(namespace: ObservedNamespace): Observed {
    const { objects } = this.#stores;
    return {
      namespace,
      object: (kind, name) => {
        const object = objects[kind].get(namespace.name, name);
        return object !== undefined && isIn(namespace, object) ? object : undefined;
      },
      *objects(kind) {
        for (const object of objects[kind].inNamespace(namespace.name))
          if (isIn(namespace, object)) yield object;
      },
    };
  }

  #concernsUs(namespace: ObservedNamespace): boolean {
    return !namespace.terminating && !this.#protected.has(namespace.name);
  }
}

/** Whether an object is not older than the namespace, and so can be in it. */
function isIn(namespace: ObservedNamespace, { createdAt }: ObservedObject): boolean {
  return createdAt === 0 || createdAt >= namespace.createdAt - clockSkewMs;
}
