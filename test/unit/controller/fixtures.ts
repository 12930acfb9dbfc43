import type { DesiredState, Problem } from '../../../src/baseline/desired-state.ts';
import { nothingDesired } from '../../../src/baseline/desired-state.ts';
import type { Failure } from '../../../src/controller/failure.ts';
import type { NamespaceState } from '../../../src/controller/namespace-states.ts';

/** What is desired where these baselines enforce, and those audit. */
export function desiredBy(
  enforcing: readonly string[],
  { auditing = [], problems = [] }: { auditing?: readonly string[]; problems?: readonly Problem[] } = {},
): DesiredState {
  const refs = (names: readonly string[]) => names.map((name) => ({ name, uid: `uid-of-${name}` }));
  return { ...nothingDesired, baselines: refs(enforcing), auditing: refs(auditing), problems };
}

/** The state of a namespace: hardened, unless it says otherwise. */
export function state(
  name: string,
  desired: DesiredState,
  rest: Partial<NamespaceState> = {},
): NamespaceState {
  return {
    name,
    uid: `uid-of-${name}`,
    desired,
    phase: 'hardened',
    pending: undefined,
    audit: [],
    failures: [],
    outOfPlace: [],
    since: 0,
    ...rest,
  };
}

/** A failure that is whose matter. */
export function failure(
  responsible: Failure['responsible'],
  message = `a matter of ${responsible}`,
): Failure {
  const reasons = { platform: 'Forbidden', tenant: 'NameTaken', passing: 'Unavailable' } as const;
  return { reason: reasons[responsible], responsible, message };
}

/** Something that a baseline asks for in vain. */
export function problem(
  baseline: string,
  missing: boolean,
  message = `${baseline} lacks something`,
): Problem {
  return {
    baseline: { name: baseline, uid: `uid-of-${baseline}` },
    reason: missing ? 'DnsNotFound' : 'ServiceAccountOverridden',
    missing,
    message,
  };
}
