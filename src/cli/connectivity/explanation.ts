/** A verdict in words: which policies decided, and what would have to allow it. */
import type { Verdict } from '../../connectivity/engine.ts';
import type { DirectionVerdict, Exemption, PolicyVerdict } from '../../connectivity/explain.ts';
import type { Paint } from '../terminal.ts';

const exemptions: Readonly<Record<Exemption, string>> = {
  'same-pod': 'a pod always reaches itself',
  'host-network': "the pod is on the host's network, where NetworkPolicies do not apply",
  'outside-of-cluster': 'outside of the cluster, where NetworkPolicies do not apply',
};

/** Names the baseline that a policy belongs to, if it does. */
export type BaselineOf = (namespace: string, policy: string) => string | undefined;

/** The lines for both directions. */
export function explainVerdict(verdict: Verdict, paint: Paint, baselineOf: BaselineOf): readonly string[] {
  return [verdict.egress, verdict.ingress].flatMap((direction) =>
    explainDirection(direction, verdict, paint, baselineOf),
  );
}

function explainDirection(
  verdict: DirectionVerdict,
  { connections }: Verdict,
  paint: Paint,
  baselineOf: BaselineOf,
): string[] {
  const { direction, exemption, isolated, policies, allows, byAddressOfPod } = verdict;
  const label = direction === 'Egress' ? 'egress of the source' : 'ingress of the destination';
  if (exemption !== undefined) return [`  ${label}: ${exemptions[exemption]}`];
  if (!isolated) return [`  ${label}: open, no NetworkPolicy selects the pod in this direction`];
  const passes = allows.intersect(connections);
  const mark = connections.isEmpty
    ? allows.isEmpty
      ? paint.bad('denied')
      : `allows ${allows}`
    : paint.good(`allows ${passes}`);
  return [
    `  ${label}: ${mark}`,
    ...policies.map((policy) => `    ${describePolicy(policy, baselineOf)}`),
    ...(byAddressOfPod
      ? ['    (a rule matched the pod by its address; network plugins differ there, Cilium does not)']
      : []),
  ];
}

function describePolicy({ namespace, name, allows, rules }: PolicyVerdict, baselineOf: BaselineOf): string {
  const baseline = baselineOf(namespace, name);
  const of = baseline === undefined ? '' : ` (baseline ${baseline})`;
  const object = `NetworkPolicy ${namespace}/${name}${of}`;
  if (rules.length === 0) return `${object}: allows nothing`;
  const matching = rules.filter(({ matchesPeer }) => matchesPeer);
  if (matching.length === 0) {
    const none = rules.length === 1 ? 'its rule does not name' : `none of its ${rules.length} rules names`;
    return `${object}: ${none} the other end`;
  }
  return `${object}: rule ${matching.map(({ index }) => index + 1).join(', ')} allows ${allows}`;
}
