import type { ManagedKind } from '../../../src/api/kinds.ts';
import type { NamedPeers, SecurityBaseline, SecurityBaselineSpec } from '../../../src/api/types.generated.ts';
import type { ClusterFacts } from '../../../src/baseline/cluster-facts.ts';
import type { DesiredObject, DesiredState } from '../../../src/baseline/desired-state.ts';
import { networkPolicies } from '../../../src/baseline/network-policy.ts';

/** A baseline that selects everything; its UID follows from its name. */
export function baseline(name: string, spec: Partial<SecurityBaselineSpec> = {}): SecurityBaseline {
  return {
    apiVersion: 'securitybaseline.io/v1alpha1',
    kind: 'SecurityBaseline',
    metadata: { name, uid: `uid-of-${name}`, generation: 1 },
    spec: { namespaceSelector: {}, ...spec },
  };
}

/** A cluster that tells everything. */
export const cluster: ClusterFacts = {
  dns: {
    namespace: 'kube-system',
    podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    ports: [
      { protocol: 'UDP', port: 53 },
      { protocol: 'TCP', port: 53 },
    ],
  },
  apiServers: [{ cidrs: ['192.0.2.10/32'], ports: [6443] }],
  nodes: [{ addresses: ['10.0.0.1/32'], podRanges: ['10.244.0.0/24'] }],
  serviceRanges: ['10.96.0.0/16'],
  givenRanges: [],
  grantable: [],
};

/** The object of this kind and name, which must be there. */
export function objectIn(
  state: Pick<DesiredState, 'objects'>,
  kind: ManagedKind,
  name: string,
): DesiredObject {
  const found = state.objects.find((object) => object.kind === kind && object.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name} among ${namesIn(state).join(', ')}`);
  return found;
}

/** `Kind/name` of every object. */
export function namesIn({ objects }: Pick<DesiredState, 'objects'>): string[] {
  return objects.map(({ kind, name }) => `${kind}/${name}`);
}

/** What one named peer gives where everything is denied. */
export function expand(allow: NamedPeers, facts: ClusterFacts = cluster) {
  const { objects, problems, kept } = networkPolicies(
    baseline('tenant', { networkPolicy: { allow } }),
    ['Ingress', 'Egress'],
    facts,
  );
  return { spec: objects[0]?.manifest.spec, manifest: objects[0]?.manifest, objects, problems, kept };
}
