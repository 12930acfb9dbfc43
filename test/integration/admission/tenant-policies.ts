import { beforeAll, describe } from 'vitest';
import { defaultDenyAnnotation, exceptionsAnnotation } from '../../../src/api/labels.ts';
import { exceptionMark } from '../../../src/baseline/admission-marks.ts';
import { eventually } from '../../support/eventually.ts';
import {
  admin,
  apply,
  type Body,
  breakGlass,
  type Call,
  create,
  dryRun,
  get,
  mergePatch,
  operator,
  tenant,
} from './cluster.ts';
import { paths } from './pods.ts';
import { type ClusterOf, type Row, tryEach } from './table.ts';

const nameLabel = 'kubernetes.io/metadata.name';
const wide = (direction: 'ingress' | 'egress'): RegExp =>
  new RegExp(
    `baseline restrict, networkPolicy\\.tenantPolicies: 1 rule\\(s\\) in spec\\.${direction} without peers or with peers too wide; .*ask for a BaselineException`,
  );
const tooMany = /baseline restrict, networkPolicy\.tenantPolicies: 33 ipBlocks in one NetworkPolicy/;
const forbidden =
  /baseline forbid, networkPolicy\.tenantPolicies: a NetworkPolicy that is not the baseline's own; .*ask for a BaselineException of kind Ingress or Egress, which becomes a policy of the operator's own/;
const foreign =
  /baseline restrict, networkPolicy\.tenantPolicies: a \w*NetworkPolicy of [\w.]+; .*ask for a BaselineException/;

function policy(namespace: string, spec: Body, metadata: Body = { name: 'mine' }): Call {
  return create(paths.networkPolicies(namespace), { metadata, spec: { podSelector: {}, ...spec } });
}

const ingress = (...from: readonly Body[]): Call => policy('restrict', { ingress: [{ from }] });
const egress = (...to: readonly Body[]): Call =>
  policy('restrict', { policyTypes: ['Egress'], egress: [{ to }] });
const block = (cidr: string, except?: readonly string[]): Body => ({
  ipBlock: { cidr, ...(except && { except }) },
});
const byLabels = (matchLabels: Body): Body => ({ namespaceSelector: { matchLabels } });
const byTerms = (...matchExpressions: readonly Body[]): Body => ({ namespaceSelector: { matchExpressions } });
const term = (key: string, operator: string, ...values: readonly string[]): Body => ({
  key,
  operator,
  ...(values.length > 0 && { values }),
});
const many = (count: number): readonly Body[] =>
  Array.from({ length: count }, (_, index) => block(`10.${index}.0.0/16`));

/** The peers that Restrict lets a rule have, and those it does not. */
function peerRows(of: (...peers: readonly Body[]) => Call, reason: RegExp): readonly Row[] {
  const named = { [nameLabel]: 'monitoring' };
  return [
    ['all pods of the namespace', of({ podSelector: {} }), 'allowed'],
    [
      'pods of the namespace by expression',
      of({ podSelector: { matchExpressions: [term('app', 'Exists')] } }),
      'allowed',
    ],
    ['a namespace by name', of(byLabels(named)), 'allowed'],
    [
      'pods of a namespace by name',
      of({ ...byLabels(named), podSelector: { matchLabels: { app: 'x' } } }),
      'allowed',
    ],
    ['namespaces listed by name', of(byTerms(term(nameLabel, 'In', 'a', 'b'))), 'allowed'],
    [
      'a name and more terms, which narrow it',
      of(byTerms(term(nameLabel, 'In', 'a'), term('x', 'Exists'))),
      'allowed',
    ],
    ['an IPv4 block of /16', of(block('198.51.0.0/16')), 'allowed'],
    ['an IPv6 block of /32', of(block('2001:db8::/32')), 'allowed'],
    ['32 blocks', of(...many(32)), 'allowed'],
    ['no peers', of(), reason],
    ['every namespace', of({ namespaceSelector: {} }), reason],
    [
      'every namespace, some pods',
      of({ namespaceSelector: {}, podSelector: { matchLabels: { app: 'x' } } }),
      reason,
    ],
    ['namespaces by another label', of(byLabels({ team: 'a' })), reason],
    ['Exists on the name', of(byTerms(term(nameLabel, 'Exists'))), reason],
    ['NotIn on the name', of(byTerms(term(nameLabel, 'NotIn', 'nowhere'))), reason],
    ['DoesNotExist of another label', of(byTerms(term('nothing', 'DoesNotExist'))), reason],
    ['a wide peer among narrow ones', of({ podSelector: {} }, { namespaceSelector: {} }), reason],
    ['everywhere', of(block('0.0.0.0/0')), reason],
    ['everywhere in IPv6', of(block('::/0')), reason],
    ['everywhere but something', of(block('0.0.0.0/0', ['10.0.0.0/8'])), reason],
    ['an IPv4 block of /15', of(block('198.50.0.0/15')), reason],
    ['an IPv6 block of /31', of(block('2001:db8::/31')), reason],
    ['the metadata address', of(block('169.254.169.254/32')), reason],
    ['a block around the metadata address', of(block('169.254.0.0/16')), reason],
    ['a block around it that leaves it out', of(block('169.254.0.0/16', ['169.254.169.254/32'])), reason],
    ['the metadata address of AWS in IPv6', of(block('fd00:ec2::/32')), reason],
    ['the metadata address of Alibaba', of(block('100.100.100.200/32')), reason],
    ['many narrow blocks', of(...many(33)), tooMany],
  ];
}

/** NetworkPolicies of tenants. */
export function tenantPolicyTests(cluster: ClusterOf): void {
  describe("tenants' NetworkPolicies", () => {
    beforeAll(async () => {
      const denyBoth = { defaultDeny: ['Ingress', 'Egress'] };
      const baseline = (name: string, networkPolicy: Body): Promise<unknown> =>
        cluster().baseline(name, { namespaceSelector: { matchLabels: { policies: name } }, networkPolicy });
      await baseline('restrict', { ...denyBoth, tenantPolicies: 'Restrict' });
      await baseline('restrict-ingress', { defaultDeny: ['Ingress'], tenantPolicies: 'Restrict' });
      await baseline('forbid', { tenantPolicies: 'Forbid' });
      await baseline('allow', denyBoth);
      const exceptions = exceptionMark([
        { kind: 'Egress', expiresAt: '2199-01-01T00:00:00Z' },
        { kind: 'Ingress', expiresAt: '2020-01-01T00:00:00Z' },
      ]);
      for (const name of ['restrict', 'restrict-ingress', 'forbid', 'allow'])
        await cluster().namespace(name, { policies: name });
      await cluster().namespace('widened', { policies: 'restrict' }, { [exceptionsAnnotation]: exceptions });
      await cluster().namespace(
        'forbid-excepted',
        { policies: 'forbid' },
        { [exceptionsAnnotation]: exceptions },
      );
      await cluster().namespace(
        'denied-by-others',
        { policies: 'restrict-ingress' },
        { [defaultDenyAnnotation]: 'Egress,Ingress' },
      );
      const narrow = { ingress: [{ from: [{ podSelector: {} }] }] };
      await cluster().do(
        breakGlass,
        policy('restrict', { podSelector: { matchLabels: { a: 'b' } }, ingress: [{}] }, { name: 'breach' }),
      );
      await cluster().do(breakGlass, policy('restrict', narrow, { name: 'narrow' }));
      await cluster().do(breakGlass, policy('forbid', narrow, { name: 'there' }));
      for (const [group, kind] of [
        ['cilium.io', 'CiliumNetworkPolicy'],
        ['crd.projectcalico.org', 'NetworkPolicy'],
        ['projectcalico.org', 'NetworkPolicy'],
      ] as const) {
        await installCrd(cluster, group, kind);
      }
      await cluster().untilDenied(tenant, dryRun(ingress()), wide('ingress'));
      await cluster().untilDenied(tenant, dryRun(policy('forbid', {})), forbidden);
    });

    describe('ingress from', () => tryEach(cluster, peerRows(ingress, wide('ingress'))));
    describe('egress to', () => tryEach(cluster, peerRows(egress, wide('egress'))));

    const breach = `${paths.networkPolicies('restrict')}/breach`;
    const narrow = `${paths.networkPolicies('restrict')}/narrow`;
    const egressOfAll = { policyTypes: ['Egress'], egress: [{}] };
    const applied = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'narrow' },
      spec: { ingress: [{}] },
    };
    const cilium = create(
      '/apis/cilium.io/v2/namespaces/restrict/ciliumnetworkpolicies',
      custom('cilium.io/v2', 'CiliumNetworkPolicy'),
    );
    const calico = create(
      '/apis/crd.projectcalico.org/v1/namespaces/restrict/networkpolicies',
      custom('crd.projectcalico.org/v1', 'NetworkPolicy'),
    );
    const calicoApi = create(
      '/apis/projectcalico.org/v1/namespaces/restrict/networkpolicies',
      custom('projectcalico.org/v1', 'NetworkPolicy'),
    );
    tryEach(cluster, [
      ['a policy that denies', policy('restrict', {}), 'allowed'],
      [
        'a policy with a generated name',
        policy('restrict', { ingress: [{}] }, { generateName: 'p-' }),
        wide('ingress'),
      ],
      [
        'a rule without peers for one port',
        policy('restrict', { ingress: [{ ports: [{ port: 80 }] }] }),
        wide('ingress'),
      ],
      ['an administrator', policy('restrict', { ingress: [{}] }), wide('ingress'), admin],
      ['the operator', policy('restrict', { ingress: [{}] }), 'allowed', operator],
      [
        'many blocks spread over rules',
        policy('restrict', { ingress: many(33).map((peer) => ({ from: [peer] })) }),
        tooMany,
      ],
      ['a narrow policy widened', mergePatch(narrow, { spec: { ingress: [{}] } }), wide('ingress')],
      ['a narrow policy widened by server-side apply', apply(narrow, applied), wide('ingress')],
      ['a label on a policy in breach', mergePatch(breach, { metadata: { labels: { a: 'b' } } }), 'allowed'],
      [
        'a policy in breach with a narrow rule more',
        mergePatch(breach, { spec: { ingress: [{}, { from: [{ podSelector: {} }] }] } }),
        'allowed',
      ],
      [
        'a policy in breach for more pods',
        mergePatch(breach, { spec: { podSelector: { matchLabels: null } } }),
        wide('ingress'),
      ],
      [
        'a policy in breach in the other direction too',
        mergePatch(breach, { spec: { policyTypes: ['Ingress', 'Egress'], egress: [{}] } }),
        wide('egress'),
      ],
      ['a direction that the baseline does not deny', policy('restrict-ingress', egressOfAll), 'allowed'],
      [
        'a direction that the operator says other baselines deny',
        policy('denied-by-others', egressOfAll),
        /baseline restrict-ingress, .*spec\.egress without peers/,
      ],
      [
        'more blocks in both directions than one may have, where another baseline denies one',
        policy('denied-by-others', {
          policyTypes: ['Ingress', 'Egress'],
          ingress: [{ from: many(17) }],
          egress: [{ to: many(16) }],
        }),
        /baseline restrict-ingress, .*33 ipBlocks/,
      ],
      ['anything where the baseline allows it', policy('allow', { ingress: [{}] }), 'allowed'],
      ['any policy under Forbid', policy('forbid', {}), forbidden],
      [
        'a change under Forbid',
        mergePatch(`${paths.networkPolicies('forbid')}/there`, { spec: { ingress: [] } }),
        forbidden,
      ],
      [
        'a label under Forbid',
        mergePatch(`${paths.networkPolicies('forbid')}/there`, { metadata: { labels: { a: 'b' } } }),
        'allowed',
      ],
      ['an exception for egress', policy('widened', egressOfAll), 'allowed'],
      ['an exception for ingress that has expired', policy('widened', { ingress: [{}] }), wide('ingress')],
      [
        'under Forbid even what an exception allows, since the operator writes that itself',
        policy('forbid-excepted', egressOfAll),
        forbidden,
      ],
      ["Cilium's kind", cilium, foreign],
      ["Calico's kind", calico, foreign],
      ["the kind of Calico's API server", calicoApi, foreign],
      [
        "Cilium's kind where nothing is restricted",
        { ...cilium, path: cilium.path.replace('restrict', 'allow') },
        'allowed',
      ],
    ]);
  });
}

function custom(apiVersion: string, kind: string): Body {
  return { apiVersion, kind, metadata: { name: 'mine' }, spec: { endpointSelector: {} } };
}

async function installCrd(cluster: ClusterOf, group: string, kind: string): Promise<void> {
  const plural = `${kind.toLowerCase().slice(0, -1)}ies`;
  const version = group === 'cilium.io' ? 'v2' : 'v1';
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  await cluster().do(
    admin,
    create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural, kind },
        versions: [{ name: version, served: true, storage: true, schema }],
      },
    }),
  );
  await eventually(() => cluster().do(admin, get(`/apis/${group}/${version}/${plural}`)), {
    what: `${plural}.${group} is served`,
  });
}
