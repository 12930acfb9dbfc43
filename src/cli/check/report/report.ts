/** What a report is made of. */
import type { ManifestProblem } from '../../manifests/source-location.ts';
import type { CheckResult, Finding } from '../check.ts';

/** Everything that there is to report. */
export interface Report extends CheckResult {
  readonly problems: readonly ManifestProblem[];
  /** How many objects were looked at. */
  readonly objects: number;
}

/** `Deployment shop/web`. */
export function describeObject({ object, namespace }: Finding): string {
  return `${object.kind} ${namespace === undefined ? '' : `${namespace}/`}${object.name}`;
}

/** `1 error`, `3 errors`. */
export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** How many findings of each severity there are. */
export function totals({ findings }: CheckResult): { readonly errors: number; readonly warnings: number } {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  return { errors, warnings: findings.length - errors };
}
