/** NetworkPolicies in manifests, for the connectivity engine. */
import type {
  LabelSelector,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../connectivity/model.ts';
import type { Field } from '../manifests/field.ts';
import type { ManifestObject } from '../manifests/manifest-object.ts';
import type { NamespaceScope } from './rule.ts';

/** Kinds of network plugins that do what NetworkPolicies do. */
const foreignGroups = new Set(['cilium.io', 'crd.projectcalico.org', 'projectcalico.org']);

/** A NetworkPolicy, and the object that it is written in. */
export interface TenantPolicy {
  readonly object: ManifestObject;
  readonly policy: NetworkPolicy;
}

/** The NetworkPolicies of a namespace. What is ill-typed in them is left out: the API server would refuse it. */
export function tenantPolicies({ namespace, objects }: NamespaceScope): readonly TenantPolicy[] {
  return objects
    .filter(({ kind, group }) => kind === 'NetworkPolicy' && group === 'networking.k8s.io')
    .map((object) => ({ object, policy: policyOf(object, namespace) }));
}

/** Policies of network plugins' own kinds. */
export function foreignPolicies({ objects }: NamespaceScope): readonly ManifestObject[] {
  return objects.filter(({ kind, group }) => kind.endsWith('NetworkPolicy') && foreignGroups.has(group));
}

function policyOf({ name, root }: ManifestObject, namespace: string): NetworkPolicy {
  const spec = root.at('spec');
  const types = spec.at('policyTypes').items.flatMap(({ text }) => text ?? []);
  const ingress = spec
    .at('ingress')
    .items.map((rule) => ({ from: peersOf(rule.at('from')), ports: portsOf(rule.at('ports')) }));
  const egress = spec
    .at('egress')
    .items.map((rule) => ({ to: peersOf(rule.at('to')), ports: portsOf(rule.at('ports')) }));
  return {
    namespace,
    name,
    spec: { podSelector: selectorOf(spec.at('podSelector')), policyTypes: types, ingress, egress },
  };
}

function peersOf(list: Field): readonly NetworkPolicyPeer[] {
  return list.items.map((peer) => {
    const block = peer.at('ipBlock');
    const pods = peer.at('podSelector');
    const namespaces = peer.at('namespaceSelector');
    return {
      ...(pods.exists ? { podSelector: selectorOf(pods) } : {}),
      ...(namespaces.exists ? { namespaceSelector: selectorOf(namespaces) } : {}),
      ...(block.exists
        ? { ipBlock: { cidr: block.at('cidr').text ?? '', except: textsOf(block.at('except')) } }
        : {}),
    };
  });
}

function portsOf(list: Field): readonly NetworkPolicyPort[] {
  return list.items.map((item) => {
    const protocol = item.at('protocol').text;
    const port = item.at('port').scalar;
    const endPort = item.at('endPort').number;
    return {
      ...(protocol === undefined ? {} : { protocol }),
      ...(port === undefined ? {} : { port }),
      ...(endPort === undefined ? {} : { endPort }),
    };
  });
}

function selectorOf(field: Field): LabelSelector {
  return {
    matchLabels: Object.fromEntries(
      field.at('matchLabels').entries.flatMap(([key, { text }]) => (text === undefined ? [] : [[key, text]])),
    ),
    matchExpressions: field.at('matchExpressions').items.map((item) => ({
      key: item.at('key').text ?? '',
      operator: item.at('operator').text ?? '',
      values: textsOf(item.at('values')),
    })),
  };
}

function textsOf(list: Field): readonly string[] {
  return list.items.flatMap(({ text }) => text ?? []);
}
