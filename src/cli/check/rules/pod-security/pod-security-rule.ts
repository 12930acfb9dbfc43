/**
 * Rules of the Pod Security Standards, as the API server's admission plugin applies them, version by version.
 * Sources: https://kubernetes.io/docs/concepts/security/pod-security-standards/ and
 * https://github.com/kubernetes/pod-security-admission/tree/master/policy
 */
import type { PodSecurityLevel } from '../../../../baseline/desired-state.ts';
import { podSecurityModes, strictness } from '../../../../baseline/pod-security.ts';
import type { Field } from '../../../manifests/field.ts';
import type { PodTemplate, Rule, Scope } from '../../rule.ts';

/** What a pod is held against. */
export interface PodSecurityStandard {
  readonly level: 'baseline' | 'restricted';
  /** The minor version of Kubernetes whose standard it is; Infinity for the latest. */
  readonly minor: number;
}

/** A field that the standard does not let a pod have, or leave out. */
export interface PodSecurityBreach {
  readonly field: Field;
  /** What was found. */
  readonly message: string;
}

/** A rule of the standards, before it is put in the catalogue. */
export interface PodSecurityCheck extends Pick<Rule, 'id' | 'name' | 'title' | 'help' | 'fix'> {
  find(pod: PodTemplate, standard: PodSecurityStandard): Iterable<PodSecurityBreach>;
}

/** The catalogue's form of a check: an error for the level that is enforced, a warning for one that only warns or audits. */
export function podSecurityRule(check: PodSecurityCheck): Rule & PodSecurityCheck {
  return {
    ...check,
    severity: 'error',
    link: 'https://kubernetes.io/docs/concepts/security/pod-security-standards/',
    *check(scope) {
      if (scope.kind !== 'namespace') return;
      const { enforced, watched } = standardsOf(scope);
      for (const pod of scope.pods) {
        const refused = enforced === undefined ? [] : [...check.find(pod, enforced)];
        for (const { field, message } of refused) {
          yield { object: pod.object, path: field.path, message: `${message} (level ${enforced?.level})` };
        }
        if (refused.length > 0 || watched === undefined) continue;
        for (const { field, message } of check.find(pod, watched)) {
          const suffix = `(level ${watched.level}, which warns or audits here)`;
          yield {
            object: pod.object,
            path: field.path,
            message: `${message} ${suffix}`,
            severity: 'warning',
          };
        }
      }
    },
  };
}

/** The level that is enforced, and the strictest that only warns or audits. */
function standardsOf(scope: Extract<Scope, { kind: 'namespace' }>): {
  readonly enforced?: PodSecurityStandard;
  readonly watched?: PodSecurityStandard;
} {
  const { enforce, ...others } = scope.desired.podSecurity;
  const [watched] = podSecurityModes
    .filter((mode) => mode !== 'enforce')
    .flatMap((mode) => others[mode] ?? [])
    .sort((a, b) => strictness(b.level) - strictness(a.level));
  const enforced = standardOf(enforce);
  const watchedStandard = standardOf(watched);
  return {
    ...(enforced === undefined ? {} : { enforced }),
    ...(watchedStandard === undefined ? {} : { watched: watchedStandard }),
  };
}

/** Undefined where everything is allowed. */
function standardOf(given: PodSecurityLevel | undefined): PodSecurityStandard | undefined {
  if (given === undefined || given.level === 'privileged') return undefined;
  const minor = /^v1\.(\d+)$/.exec(given.version)?.[1];
  return { level: given.level, minor: minor === undefined ? Number.POSITIVE_INFINITY : Number(minor) };
}

/** Whether the pod says that it runs on Windows, where some fields do not exist. */
export function isWindows({ spec }: PodTemplate): boolean {
  return spec.at('os', 'name').text === 'windows';
}

/** Whether the pod has users of its own: root in it is nobody outside. The standard heeds that from 1.35 on. */
export function hasOwnUsers({ spec }: PodTemplate, { minor }: PodSecurityStandard): boolean {
  return minor >= 35 && spec.at('hostUsers').flag === false;
}
