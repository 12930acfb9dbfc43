/** What composing needs to know of the cluster at hand, beside baselines and namespaces. */
import type { RbacRule } from '../api/objects.ts';
import type { LabelSelector } from '../api/types.generated.ts';

/** A port on which DNS is served, as the pods behind the Service know it. */
export interface DnsPort {
  readonly protocol: 'UDP' | 'TCP';
  /** A number, or the name of a container port. */
  readonly port: number | string;
}

/** Where the cluster's DNS pods are. */
export interface DnsFacts {
  readonly namespace: string;
  readonly podSelector: LabelSelector;
  readonly ports: readonly DnsPort[];
}

/** Where API servers listen: these addresses, on each of these TCP ports. */
export interface ApiServerEndpoints {
  /** Single addresses (/32, /128), sorted. */
  readonly cidrs: readonly string[];
  readonly ports: readonly number[];
}

/** Where a Node and its pods are. */
export interface NodeFacts {
  /** Its internal addresses, as CIDRs of one address each. */
  readonly addresses: readonly string[];
  /** CIDRs; empty where the network plugin keeps them to itself. */
  readonly podRanges: readonly string[];
}

/** The cluster at hand. */
export interface ClusterFacts {
  /** Undefined where no DNS was found. */
  readonly dns: DnsFacts | undefined;
  /** The last that were known; empty where none ever were. */
  readonly apiServers: readonly ApiServerEndpoints[];
  readonly nodes: readonly NodeFacts[];
  /** CIDRs from which Services get their addresses; empty where the API server does not tell. */
  readonly serviceRanges: readonly string[];
  /** CIDRs of pods, Services and whatever else is the cluster's own, as given at install. */
  readonly givenRanges: readonly string[];
  /** What the platform team lets baselines grant: the rules of the aggregated grantable ClusterRole. */
  readonly grantable: readonly RbacRule[];
}

/** A cluster of which nothing is known: nothing is found, and nothing may be granted. */
export const nothingKnown: ClusterFacts = {
  dns: undefined,
  apiServers: [],
  nodes: [],
  serviceRanges: [],
  givenRanges: [],
  grantable: [],
};
