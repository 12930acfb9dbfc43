/** What a rule is, and what it is given to look at. */
import type { SecurityBaseline } from '../../api/types.generated.ts';
import type { DesiredState } from '../../baseline/desired-state.ts';
import type { Field } from '../manifests/field.ts';
import type { ManifestObject } from '../manifests/manifest-object.ts';
import type { FieldPath } from '../manifests/source-location.ts';

/**
 * How grave a finding is. An error: the cluster would refuse it, it would not run, or it hands out the means to undo the
 * baseline. A warning: it runs, and weakens what the baseline is for.
 */
export type Severity = 'error' | 'warning';

/** A pod, or the template of pods that a workload makes. */
export interface PodTemplate {
  readonly object: ManifestObject;
  /** Its own metadata: that of the pod, not of the workload. */
  readonly metadata: Field;
  readonly spec: Field;
  /** How many pods run at once, as written; 1 where only the cluster can tell. */
  readonly replicas: number;
}

/** A namespace as it would be, with everything that the manifests put there. */
export interface NamespaceScope {
  readonly kind: 'namespace';
  readonly namespace: string;
  /** Whether any baseline selects it, in whatever mode; also true where no baseline is known at all. */
  readonly isCovered: boolean;
  /** The baselines that are taken to enforce here, by precedence. */
  readonly baselines: readonly SecurityBaseline[];
  /** What these give together. */
  readonly desired: DesiredState;
  readonly objects: readonly ManifestObject[];
  readonly pods: readonly PodTemplate[];
}

/** The objects that are in no namespace. */
export interface ClusterScope {
  readonly kind: 'cluster';
  readonly objects: readonly ManifestObject[];
}

/** What rules look at. */
export type Scope = NamespaceScope | ClusterScope;

/** One place that breaks a rule. */
export interface Breach {
  readonly object: ManifestObject;
  /** The part that is wrong, or that lacks something. */
  readonly path: FieldPath;
  /** What was found. Never holds the value of a secret. */
  readonly message: string;
  /** The baseline that asks for it; absent for rules that hold without one, and where several ask together. */
  readonly baseline?: string;
  /** Where it differs from the rule's. */
  readonly severity?: Severity;
}

/** A rule of the catalogue. */
export interface Rule {
  /** `SB` and three digits; never given to another rule. */
  readonly id: string;
  /** In kebab-case, for people and for SARIF. */
  readonly name: string;
  readonly severity: Severity;
  /** One line. */
  readonly title: string;
  /** Why it matters. */
  readonly help: string;
  /** What to do. */
  readonly fix: string;
  /** Where to read more; HTTPS. */
  readonly link: string;
  check(scope: Scope): Iterable<Breach>;
}
