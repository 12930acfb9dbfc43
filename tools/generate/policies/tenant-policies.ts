/** NetworkPolicies that tenants create: they add to the baseline's, so that one of them can undo a default deny. */

import { defaultDenyAnnotation, exceptionsAnnotation } from '../../../src/api/labels.ts';
import { METADATA_ADDRESSES } from '../../../src/connectivity/openings.ts';
import type { BaselinePolicy, ResourceRule, Rule } from './policy.ts';
import { namespaceAnnotation, type Variable } from './selection.ts';

/**
 * Where clouds serve instance credentials: AWS, Azure, GCP and most others; AWS over IPv6; AWS ECS and EKS; GCP over
 * IPv6; Alibaba; Azure's wire server. A block that holds one of them is refused, whatever `except` says.
 */
const metadataAddresses = {
  4: METADATA_ADDRESSES.filter((address) => !address.includes(':')),
  6: METADATA_ADDRESSES.filter((address) => address.includes(':')),
};

const nameKey = 'kubernetes.io/metadata.name';

/** CEL, true where a peer that is an ipBlock is as narrow as Restrict asks for. */
const blockIsNarrow = `isCIDR(peer.ipBlock.cidr) && (cidr(peer.ipBlock.cidr).ip().family() == 4 ?
  cidr(peer.ipBlock.cidr).prefixLength() >= 16 && ![${list(metadataAddresses[4])}].exists(ip, cidr(peer.ipBlock.cidr).containsIP(ip)) :
  cidr(peer.ipBlock.cidr).prefixLength() >= 32 && ![${list(metadataAddresses[6])}].exists(ip, cidr(peer.ipBlock.cidr).containsIP(ip)))`;

/** CEL. All terms of a selector must hold, so that one that names suffices. */
const namespaceIsNamed = `'${nameKey}' in peer.namespaceSelector.?matchLabels.orValue({}) ||
  peer.namespaceSelector.?matchExpressions.orValue([]).exists(term,
    term.key == '${nameKey}' && term.operator == 'In')`;

function list(addresses: readonly string[]): string {
  return addresses.map((address) => `'${address}'`).join(', ');
}

interface DirectionFields {
  readonly direction: 'Ingress' | 'Egress';
  readonly rules: 'ingress' | 'egress';
  readonly peers: 'from' | 'to';
}

/** The rules that are too wide in one direction, by their number; those that were there before, for the same pods, are not. */
function wideRules({ direction, rules, peers }: DirectionFields): Variable {
  return {
    name: `wide${direction}`,
    expression: `!variables.restricted || !('${direction}' in variables.denied) ||
'${direction}' in variables.excepted ? [] :
variables.${rules}.filter(rule, !(variables.samePods && rule in dyn(oldObject).spec.?${rules}.orValue([])) && (
  rule.?${peers}.orValue([]).size() == 0 || rule.${peers}.exists(peer, !(
    has(peer.ipBlock) ? ${blockIsNarrow} :
    !has(peer.namespaceSelector) || ${namespaceIsNamed}))))`,
  };
}

const ingress: DirectionFields = { direction: 'Ingress', rules: 'ingress', peers: 'from' };
const egress: DirectionFields = { direction: 'Egress', rules: 'egress', peers: 'to' };

/** How many ipBlocks the direction has; none where it is not restricted. */
function blockCount({ direction, rules, peers }: DirectionFields): string {
  return `('${direction}' in variables.denied && !('${direction}' in variables.excepted) ?
  variables.${rules}.map(rule, rule.?${peers}.orValue([]).filter(peer, has(peer.ipBlock)).size()).sum() : 0)`;
}

function wideRule({ direction, rules, peers }: DirectionFields): Rule {
  return {
    name: 'networkPolicy.tenantPolicies',
    holds: `variables.wide${direction}.size() == 0`,
    found: `string(variables.wide${direction}.size()) + ' rule(s) in spec.${rules} without peers or with peers too wide'`,
    fix:
      `in each rule, let ${peers} name pods of this namespace (podSelector), namespaces by ${nameKey}, or ipBlocks of /16 ` +
      `(IPv6 /32) or narrower without a cloud's metadata address, or ask for a BaselineException of kind ${direction}`,
  };
}

const kubernetesPolicies: ResourceRule = {
  apiGroups: ['networking.k8s.io'],
  operations: ['CREATE', 'UPDATE'],
  resources: ['networkpolicies'],
};

/** Their languages can say far more than we could read here; where they are not installed, nothing matches. */
const otherPolicies: readonly ResourceRule[] = [
  {
    apiGroups: ['cilium.io'],
    operations: ['CREATE', 'UPDATE'],
    resources: ['ciliumnetworkpolicies'],
  },
  {
    apiGroups: ['crd.projectcalico.org', 'projectcalico.org'],
    operations: ['CREATE', 'UPDATE'],
    resources: ['networkpolicies'],
  },
];

/** networkPolicy.tenantPolicies. */
export const tenantPolicies: BaselinePolicy = {
  name: 'tenant-policies',
  about:
    'NetworkPolicies that tenants create (networkPolicy.tenantPolicies): Restrict is an allow-list in the directions that the baseline denies, ' +
    'Forbid denies all.',
  exemptOperator: true,
  concerns: `params.spec.?networkPolicy.?tenantPolicies.orValue('Allow') != 'Allow'`,
  rules: [kubernetesPolicies, ...otherPolicies],
  variables: [
    { name: 'isForeign', expression: `request.kind.group != 'networking.k8s.io'` },
    {
      name: 'excepted',
      expression: `request.operation != 'CREATE' ? [] : ${namespaceAnnotation(exceptionsAnnotation)}.split(';')
.filter(e, (e.startsWith('Ingress ') || e.startsWith('Egress ')) && timestamp(e.split(' ')[1]) > timestamp(object.metadata.creationTimestamp))
.map(e, e.split(' ')[0])`,
    },
    {
      // Its own directions at once, with the operator down too; those of other baselines when the operator has marked them.
      name: 'denied',
      expression: `params.spec.networkPolicy.?defaultDeny.orValue([]) +
${namespaceAnnotation(defaultDenyAnnotation)}.split(',').filter(d, d != '')`,
    },
    {
      name: 'unchanged',
      expression: `oldObject != null && dyn(object)[?'spec'] == dyn(oldObject)[?'spec'] && dyn(object)[?'specs'] == dyn(oldObject)[?'specs']`,
    },
    {
      name: 'restricted',
      expression: `params.spec.networkPolicy.tenantPolicies == 'Restrict' && !variables.isForeign && !variables.unchanged`,
    },
    {
      name: 'samePods',
      expression: `oldObject != null && dyn(object).spec.podSelector == dyn(oldObject).spec.podSelector`,
    },
    { name: 'ingress', expression: 'dyn(object).spec.?ingress.orValue([])' },
    { name: 'egress', expression: 'dyn(object).spec.?egress.orValue([])' },
    wideRules(ingress),
    wideRules(egress),
    {
      name: 'blocks',
      expression: `!variables.restricted ? 0 :\n${blockCount(ingress)} +\n${blockCount(egress)}`,
    },
  ],
  validations: [
    {
      name: 'networkPolicy.tenantPolicies',
      holds: `params.spec.networkPolicy.tenantPolicies != 'Forbid' || variables.unchanged`,
      found: `'a ' + request.kind.kind + ' that is not the baseline\\'s own'`,
      fix: "none may be created here; have the allowance put into the baseline, or ask for a BaselineException of kind Ingress or Egress, which becomes a policy of the operator's own",
    },
    {
      name: 'networkPolicy.tenantPolicies',
      holds: `params.spec.networkPolicy.tenantPolicies != 'Restrict' || !variables.isForeign || variables.unchanged ||
variables.denied.all(direction, direction in variables.excepted)`,
      found: `'a ' + request.kind.kind + ' of ' + request.kind.group`,
      fix: 'use a NetworkPolicy of networking.k8s.io, or ask for a BaselineException',
    },
    wideRule(ingress),
    wideRule(egress),
    {
      name: 'networkPolicy.tenantPolicies',
      holds: 'variables.blocks <= 32',
      found: `string(variables.blocks) + ' ipBlocks in one NetworkPolicy'`,
      fix: 'give at most 32: together many narrow ones are as wide as one, or ask for a BaselineException',
    },
  ],
};
