/** Tenants' own NetworkPolicies add up with ours: which of them undo what the baselines deny. */
import type { DesiredState } from '../baseline/desired-state.ts';
import { type Opening, openings } from '../connectivity/openings.ts';
import type { Observed } from '../diff/diff.ts';
import { foreignPolicies } from '../diff/foreign-policies.ts';
import type { Failure } from './failure.ts';

/** More of one namespace would not fit into a status. */
const maxNamed = 3;

/** What weakens the namespace, if anything does. */
export function weakeningOf(desired: DesiredState, observed: Observed): Failure[] {
  if (desired.denied.length === 0) return [];
  const foreign = foreignPolicies(desired, observed);
  if (foreign.length === 0) return [];
  const found = openings(foreign, desired.denied);
  if (found.length === 0) return [];
  const more = found.length > maxNamed ? `; and ${found.length - maxNamed} more` : '';
  return [
    {
      reason: 'Weakened',
      responsible: 'tenant',
      message: `${found.slice(0, maxNamed).map(describe).join('; ')}${more}; narrow or delete them, or ask for an exception`,
    },
  ];
}

function describe({ policy, direction, to, cidrs, ports }: Opening): string {
  const ranges =
    cidrs.length > 0 ? ` (${cidrs.slice(0, 3).join(', ')}${cidrs.length > 3 ? ', ...' : ''})` : '';
  const peer = direction === 'Ingress' ? `from ${to}` : `to ${to}`;
  return `NetworkPolicy ${policy.name} allows ${direction.toLowerCase()} ${peer}${ranges} on ${ports}`;
}
