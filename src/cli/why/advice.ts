/** How to go on after a refusal: an exception, where the baselines allow one. */
import type { SecurityBaseline } from '../../api/types.generated.ts';
import type { Relaxation } from '../../baseline/exceptions.ts';

/** The flag of `exception request` that asks for a relaxation, by example. */
const flags: Readonly<Record<Relaxation, string>> = {
  Egress: '--to CIDR-OR-namespace/NAME:PORT',
  Ingress: '--from CIDR-OR-namespace/NAME:PORT',
  Quota: '--quota RESOURCE=QUANTITY',
  PodSecurity: '--pod-security baseline',
  Images: '--image REGISTRY-OR-REPOSITORY',
};

/**
 * The lines that say how to ask for an exception, or that there is none to be had.
 *
 * @param selecting the enforcing baselines that select the namespace
 */
export function adviceLines(
  relaxation: Relaxation,
  namespace: string,
  selecting: readonly SecurityBaseline[],
): readonly string[] {
  const refusing = selecting.filter(({ spec }) => !(spec.exceptions?.allow ?? []).includes(relaxation));
  if (refusing.length > 0) {
    const names = refusing.map(({ metadata }) => metadata.name).join(', ');
    return [
      `No exception for ${relaxation} can be had: ${names} would have to name it in spec.exceptions.allow. Ask the platform team.`,
    ];
  }
  return [
    'To ask for an exception:',
    `  kubectl baseline exception request NAME -n ${namespace} ${flags[relaxation]} --for 24h --reason "..."`,
  ];
}
