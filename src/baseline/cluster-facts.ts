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

/** The cluster at hand. */
export interface ClusterFacts {
  /** Undefined where no DNS was found. */
  readonly dns: DnsFacts | undefined;
  /** What the platform team lets baselines grant: the rules of the aggregated grantable ClusterRole. */
  readonly grantable: readonly RbacRule[];
}
