/** The desired state of one namespace, as data. */
import type { ManagedKind } from '../api/kinds.ts';
import type { Manifest } from '../api/objects.ts';

/** The baseline that an object or a problem belongs to. */
export interface BaselineRef {
  readonly name: string;
  readonly uid: string;
}

/** A direction of traffic, seen from the pods that a policy selects. */
export type Direction = 'Ingress' | 'Egress';

/** Names an object in the namespace at hand. */
export interface ObjectRef {
  readonly kind: ManagedKind;
  readonly name: string;
}

/** An object that must be there, exactly so. */
export interface DesiredObject {
  readonly kind: ManagedKind;
  readonly name: string;
  readonly baseline: BaselineRef;
  /** Denies traffic by itself: on a new namespace it goes first, on a live one after what allows. */
  readonly denies: boolean;
  /** The ServiceAccount that it gives rights to, which must be ours, too; undefined where it gives nobody any. */
  readonly grantsTo: string | undefined;
  /** What to write. The same for every namespace: `metadata.namespace` is left out, and filled in when written. */
  readonly manifest: Manifest;
}

/** A Pod Security level for one mode. */
export interface PodSecurityLevel {
  /** Only an exception gives `privileged`. */
  readonly level: 'privileged' | 'baseline' | 'restricted';
  readonly version: string;
}

/** The modes of Pod Security Admission. */
export type PodSecurityMode = 'enforce' | 'audit' | 'warn';

/**
 * Something a baseline asks for that cannot be had: found while composing, told to the platform team.
 * It concerns the baseline, not a single namespace.
 */
export interface Problem {
  readonly baseline: BaselineRef;
  readonly reason:
    | 'DnsNotFound'
    | 'ApiServerNotFound'
    | 'PodRangesNotKnown'
    | 'TooManyClusterRanges'
    | 'NodesNotFound'
    | 'TooManyNodes'
    | 'RulesNotGrantable'
    | 'ClusterRolesNotGrantable'
    | 'ServiceAccountOverridden'
    | 'LimitRangeDefaultsOverridden'
    | 'LimitRangesContradict';
  /** Names the field and the fix. */
  readonly message: string;
  /** Whether something the baseline asks for is missing; otherwise another baseline gives it in this one's stead. */
  readonly missing: boolean;
}

/** Everything that the selecting baselines give one namespace. */
export interface DesiredState {
  /** The enforcing baselines that select the namespace, by precedence. */
  readonly baselines: readonly BaselineRef[];
  /** The baselines that select it in Audit mode: they write nothing, and what they wrote when they enforced stays. */
  readonly auditing: readonly BaselineRef[];
  /** The directions that the baselines deny, which a tenant's own policies may undo. */
  readonly denied: readonly Direction[];
  /** The same for admission, as the namespace's annotation tells it; empty where each baseline by itself says enough. */
  readonly deniedMark: string;
  readonly objects: readonly DesiredObject[];
  /**
   * Objects that a baseline asks for, but what they should be is not known at the moment: where they are, they stay as we wrote
   * them, and where they are not, they are not written.
   */
  readonly kept: readonly ObjectRef[];
  readonly podSecurity: Readonly<Partial<Record<PodSecurityMode, PodSecurityLevel>>>;
  /** The UIDs of the baselines that ask for Pod Security levels, sorted. */
  readonly podSecurityBy: readonly string[];
  /** The exceptions in effect that admission must know of, as the namespace's annotation tells them; empty for none. */
  readonly exceptionMark: string;
  /** The UIDs to mark the namespace with once it is hardened, sorted; empty where no baseline holds pods until then. */
  readonly mark: readonly string[];
  /** Whether the default ServiceAccount must not mount its token. */
  readonly denyDefaultToken: boolean;
  readonly problems: readonly Problem[];
}

/** The desired state of a namespace that nothing selects. */
export const nothingDesired: DesiredState = {
  baselines: [],
  auditing: [],
  denied: [],
  deniedMark: '',
  objects: [],
  kept: [],
  podSecurity: {},
  podSecurityBy: [],
  exceptionMark: '',
  mark: [],
  denyDefaultToken: false,
  problems: [],
};
