import type { DesiredState } from '../baseline/desired-state.ts';

const remembered = new WeakMap<DesiredState, ReadonlySet<string>>();

/** The objects that are desired, such as `Role/tenant.app`; most namespaces share their desired state. */
export function desiredNames(desired: DesiredState): ReadonlySet<string> {
  const known = remembered.get(desired);
  if (known !== undefined) return known;
  const names = new Set(desired.objects.map(({ kind, name }) => `${kind}/${name}`));
  remembered.set(desired, names);
  return names;
}
