import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readManifests } from '../../tools/operator/manifests.ts';
import { OperatorHarness } from '../support/operator-harness.ts';
import { RestError } from '../support/rest-client.ts';

// What the API server says to those who apply something wrong. No operator runs.
let harness: OperatorHarness;
beforeAll(async () => {
  harness = await OperatorHarness.install();
});
afterAll(() => harness[Symbol.asyncDispose]());

/** Applies it for trial; the API server's refusal, or `accepted`. */
async function refusal(spec: object, name = 'tenant'): Promise<string> {
  try {
    await harness.admin.create({ kind: 'SecurityBaseline', name }, { spec }, { dryRun: 'All' });
    return 'accepted';
  } catch (error) {
    if (error instanceof RestError && (error.status === 422 || error.status === 400)) return error.message;
    throw error;
  }
}

const selectsAll = { namespaceSelector: {} };
const good = { ...selectsAll, networkPolicy: { defaultDeny: ['Ingress'] } };

function selector(namespaceSelector: object): object {
  return { ...good, namespaceSelector };
}
function policy(spec: object, item: object = {}): object {
  const whole = { name: 'mine', justification: 'tests need it', spec: { podSelector: {}, ...spec }, ...item };
  return { ...selectsAll, networkPolicy: { policies: [whole] } };
}
function port(port: object): object {
  return policy({ ingress: [{ anyPeer: true, ports: [port] }] });
}
function quota(hard: object, name = 'compute'): object {
  return { ...selectsAll, resourceQuotas: [{ name, spec: { hard } }] };
}
function limit(limit: object, name = 'defaults'): object {
  return {
    ...selectsAll,
    limitRanges: [{ name, spec: { limits: [{ type: 'Container', ...limit }] } }],
  };
}
function account(item: object): object {
  return { ...selectsAll, serviceAccounts: [{ name: 'app', ...item }] };
}
function rule(rule: object): object {
  return account({ rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'], ...rule }] });
}
const peers = 'spec.networkPolicy.policies[0].spec.ingress[0]';
const item = 'spec.networkPolicy.policies[0].name';
const anyPeer = 'give from (check its spelling), or anyPeer: true to allow from everywhere; not both';
const portFix =
  "a port is a number from 1 to 65535 or a port name of at most 15 lower-case letters, digits and '-'";
const quantity = 'must be a quantity that is not negative, such as 20, 500m or 8Gi';
const dnsLabel =
  "must be a DNS label: lower-case letters, digits and '-', beginning and ending with a letter or digit";
const reserved = 'default-deny and names that begin with allow- or exception- are reserved';
const container = 'spec.limitRanges[0].spec.limits[0]';
const wildcards = 'wildcards are refused: name each API group, resource and verb';

/** What is wrong, the spec, the field that the refusal names, and the fix. */
const table: readonly (readonly [what: string, spec: object, field: string, fix: string])[] = [
  ['an unknown field', { ...good, networkPolicies: {} }, 'spec.networkPolicies', 'unknown field'],
  [
    'an unknown field deep inside',
    { ...good, networkPolicy: { defaultDeny: ['Ingress'], allow: { dsn: {} } } },
    'spec.networkPolicy.allow.dsn',
    'unknown field',
  ],
  ['no selector', { networkPolicy: good.networkPolicy }, 'spec.namespaceSelector', 'Required value'],
  [
    'a selector with a bad key',
    selector({ matchLabels: { 'no spaces': 'a' } }),
    'spec.namespaceSelector.matchLabels',
    'a label key is a name of at most 63 letters',
  ],
  [
    'a selector with a bad value',
    selector({ matchLabels: { team: 'a b' } }),
    'spec.namespaceSelector.matchLabels.team',
    'should match',
  ],
  [
    'a selector with a value that is too long',
    selector({ matchLabels: { team: 'a'.repeat(64) } }),
    'spec.namespaceSelector.matchLabels.team',
    'Too long: may not be more than 63',
  ],
  [
    'an expression with an unknown operator',
    selector({ matchExpressions: [{ key: 'a', operator: 'Equals', values: ['b'] }] }),
    'spec.namespaceSelector.matchExpressions[0].operator',
    'supported values: "In", "NotIn", "Exists", "DoesNotExist"',
  ],
  [
    'In without values',
    selector({ matchExpressions: [{ key: 'a', operator: 'In' }] }),
    'spec.namespaceSelector.matchExpressions[0]',
    'In and NotIn need at least one of values; Exists and DoesNotExist take none',
  ],
  [
    'Exists with values',
    selector({ matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] }),
    'spec.namespaceSelector.matchExpressions[0]',
    'In and NotIn need at least one of values; Exists and DoesNotExist take none',
  ],
  [
    'a bad glob',
    { ...good, excludeNamespaces: ['sandbox-[0-9]'] },
    'spec.excludeNamespaces[0]',
    'must be the name of a namespace, or a glob in which * stands for any run of characters, such as sandbox-*',
  ],
  [
    'one exclusion twice',
    { ...good, excludeNamespaces: ['a', 'a'] },
    'spec.excludeNamespaces[1]',
    'Duplicate value',
  ],
  ['an unknown mode', { ...good, mode: 'Warn' }, 'spec.mode', 'supported values: "Enforce", "Audit"'],
  ['a priority below zero', { ...good, priority: -1 }, 'spec.priority', 'greater than or equal to 0'],
  [
    'an empty baseline, which would do nothing',
    selectsAll,
    'spec',
    'this baseline would do nothing: give at least one of networkPolicy, resourceQuotas, limitRanges',
  ],
  [
    'a networkPolicy with nothing in it',
    { ...selectsAll, networkPolicy: {} },
    'spec.networkPolicy',
    'give at least one of defaultDeny, allow, policies',
  ],
  [
    'an empty list of denied directions',
    { ...selectsAll, networkPolicy: { defaultDeny: [] } },
    'spec.networkPolicy.defaultDeny',
    'should have at least 1 items',
  ],
  [
    'an unknown direction',
    { ...selectsAll, networkPolicy: { defaultDeny: ['ingress'] } },
    'spec.networkPolicy.defaultDeny[0]',
    'supported values: "Ingress", "Egress"',
  ],
  [
    'DNS pods without their namespace',
    { ...selectsAll, networkPolicy: { allow: { dns: { podSelector: {} } } } },
    'spec.networkPolicy.allow.dns',
    "namespace and podSelector go together; leave both out to have the cluster's DNS found",
  ],
  ['a rule that has lost its from to a typo', policy({ ingress: [{ form: [{}] }] }), peers, 'unknown field'],
  ['a rule without peers', policy({ ingress: [{}] }), peers, anyPeer],
  ['a rule with an empty list of peers', policy({ ingress: [{ from: [] }] }), peers, anyPeer],
  [
    'a rule with peers that also says anyPeer',
    policy({ ingress: [{ anyPeer: true, from: [{ podSelector: {} }] }] }),
    peers,
    anyPeer,
  ],
  [
    'an egress rule without peers',
    policy({ egress: [{ ports: [{ port: 443 }] }] }),
    'spec.networkPolicy.policies[0].spec.egress[0]',
    'give to (check its spelling), or anyPeer: true to allow to everywhere; not both',
  ],
  ['a peer that says nothing', policy({ ingress: [{ from: [{}] }] }), `${peers}.from[0]`, 'at least 1'],
  [
    'a peer that is both a block and pods',
    policy({ ingress: [{ from: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] }] }),
    `${peers}.from[0]`,
    'a peer is either an ipBlock or a podSelector and/or namespaceSelector',
  ],
  [
    'a bad CIDR',
    policy({ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.256/8' } }] }] }),
    `${peers}.from[0].ipBlock.cidr`,
    'should match',
  ],
  [
    'a policy without rules or types',
    policy({}),
    'spec.networkPolicy.policies[0].spec',
    'give ingress, egress',
  ],
  [
    'a policy without a reason',
    policy({ ingress: [] }, { justification: 'because' }),
    'spec.networkPolicy.policies[0].justification',
    'should be at least 8 chars long',
  ],
  ['port 0', port({ port: 0 }), `${peers}.ports[0].port`, portFix],
  ['port 65536', port({ port: 65_536 }), `${peers}.ports[0].port`, portFix],
  ['a port name in capitals', port({ port: 'HTTP' }), `${peers}.ports[0].port`, portFix],
  ['a port name of digits', port({ port: '8080' }), `${peers}.ports[0].port`, portFix],
  ['a port name that is too long', port({ port: 'abcdefghijklmnop' }), `${peers}.ports[0].port`, '15'],
  [
    'an endPort below its port',
    port({ port: 100, endPort: 99 }),
    `${peers}.ports[0]`,
    'endPort needs a numeric port that is not greater than it',
  ],
  [
    'an endPort of a named port',
    port({ port: 'http', endPort: 99 }),
    `${peers}.ports[0]`,
    'endPort needs a numeric port that is not greater than it',
  ],
  [
    'an unknown protocol',
    port({ port: 1, protocol: 'ICMP' }),
    `${peers}.ports[0].protocol`,
    'supported values: "TCP", "UDP", "SCTP"',
  ],
  ['an item in capitals', policy({ ingress: [] }, { name: 'Mine' }), item, dnsLabel],
  ['an item with a dot', policy({ ingress: [] }, { name: 'a.b' }), item, dnsLabel],
  ['an item that is too long', policy({ ingress: [] }, { name: 'a'.repeat(64) }), item, '63'],
  ['an item called default-deny', policy({ ingress: [] }, { name: 'default-deny' }), item, reserved],
  ['an item called allow-dns', policy({ ingress: [] }, { name: 'allow-dns' }), item, reserved],
  ['a negative quota', quota({ pods: '-1' }), 'spec.resourceQuotas[0].spec.hard', quantity],
  ['a negative quota as a number', quota({ pods: -1 }), 'spec.resourceQuotas[0].spec.hard', quantity],
  ['a quota that is no quantity', quota({ pods: 'many' }), 'spec.resourceQuotas[0].spec.hard', quantity],
  ['a quota in a wrong unit', quota({ cpu: '2 GB' }), 'spec.resourceQuotas[0].spec.hard', quantity],
  ['a quota without limits', quota({}), 'spec.resourceQuotas[0].spec.hard', 'at least 1 properties'],
  [
    'a quota that would refuse our own objects',
    quota({ 'count/networkpolicies.networking.k8s.io': '1' }),
    'spec.resourceQuotas[0].spec.hard',
    'a managed quota may not count the kinds that the operator itself puts into namespaces',
  ],
  ['a quota with a bad name', quota({ pods: 1 }, '-'), 'spec.resourceQuotas[0].name', dnsLabel],
  [
    'two quotas of one name',
    {
      ...selectsAll,
      resourceQuotas: [
        { name: 'a', spec: { hard: { pods: 1 } } },
        { name: 'a', spec: { hard: { pods: 2 } } },
      ],
    },
    'spec.resourceQuotas[1]',
    'Duplicate value: {"name":"a"}',
  ],
  [
    'a LimitRange whose min is above its max',
    limit({ min: { cpu: 2 }, max: { cpu: '1500m' } }),
    container,
    'min must not be greater than max',
  ],
  [
    'a LimitRange whose default is above its max',
    limit({ default: { memory: '2Gi' }, max: { memory: '1Gi' } }),
    container,
    'default must not be greater than max',
  ],
  [
    'a LimitRange whose request is above its default',
    limit({ default: { cpu: '1' }, defaultRequest: { cpu: '2' } }),
    container,
    'defaultRequest must not be greater than default',
  ],
  [
    'defaults for pods',
    limit({ type: 'Pod', default: { cpu: '1' } }),
    container,
    'default and defaultRequest are only for the type Container',
  ],
  ['a limit that is no quantity', limit({ max: { cpu: 'lots' } }), `${container}.max[cpu]`, quantity],
  ['a limit that says nothing', limit({}), container, 'at least 2 properties'],
  [
    'the ServiceAccount default',
    account({ name: 'default' }),
    'spec.serviceAccounts[0].name',
    'the default ServiceAccount belongs to the cluster; use defaultServiceAccount to set its automountToken',
  ],
  ['a ServiceAccount with a bad name', account({ name: 'App' }), 'spec.serviceAccounts[0].name', dnsLabel],
  [
    'two ServiceAccounts of one name',
    { ...selectsAll, serviceAccounts: [{ name: 'app' }, { name: 'app' }] },
    'spec.serviceAccounts[1]',
    'Duplicate value: {"name":"app"}',
  ],
  [
    'a pull secret with a bad name',
    account({ imagePullSecrets: ['My_Secret'] }),
    'spec.serviceAccounts[0].imagePullSecrets[0]',
    'must be the name of a Secret',
  ],
  ['a rule for every verb', rule({ verbs: ['*'] }), 'spec.serviceAccounts[0].rules[0]', wildcards],
  ['a rule for every resource', rule({ resources: ['*'] }), 'spec.serviceAccounts[0].rules[0]', wildcards],
  ['a rule for every group', rule({ apiGroups: ['*'] }), 'spec.serviceAccounts[0].rules[0]', wildcards],
  [
    'a rule for all subresources',
    rule({ resources: ['pods/*'] }),
    'spec.serviceAccounts[0].rules[0]',
    wildcards,
  ],
  ['a rule without verbs', rule({ verbs: [] }), 'spec.serviceAccounts[0].rules[0].verbs', 'at least 1 items'],
  [
    'a default ServiceAccount that is to mount its token',
    { ...selectsAll, defaultServiceAccount: { automountToken: true } },
    'spec.defaultServiceAccount.automountToken',
    'must be false; to leave the default ServiceAccount as it is, leave defaultServiceAccount out',
  ],
  [
    'an empty podSecurity',
    { ...selectsAll, podSecurity: {} },
    'spec.podSecurity',
    'give at least one of enforce, audit or warn',
  ],
  [
    'the Pod Security level that allows everything',
    { ...selectsAll, podSecurity: { enforce: 'privileged' } },
    'spec.podSecurity.enforce',
    'supported values: "baseline", "restricted"',
  ],
  [
    'a bad Pod Security version',
    { ...selectsAll, podSecurity: { enforce: 'baseline', version: '1.30' } },
    'spec.podSecurity.version',
    'must be latest or a Kubernetes minor version such as v1.36',
  ],
  ...['', '0h', '30d', '-8h', '1.5h', '1h30', '999999h', 'PT8H'].map(
    (maxDuration) =>
      [
        `exceptions for at most ${JSON.stringify(maxDuration)}`,
        { ...good, exceptions: { allow: ['Egress'], maxDuration } },
        'spec.exceptions.maxDuration',
        'must be a duration in hours and minutes, such as 720h, 8h or 1h30m',
      ] as const,
  ),
];

describe('the API server refuses', () => {
  test.each(table)('%s', async (_what, spec, field, fix) => {
    const message = await refusal(spec);
    expect(message).toContain(field);
    expect(message).toContain(fix);
  });

  test.each(['a.b', 'a'.repeat(64)])('a baseline called %s', async (name) => {
    const message = await refusal(good, name);
    expect(message).toContain('metadata');
    expect(message).toContain('metadata.name must be a DNS label');
    expect(message).toContain('Objects are named <baseline>.<item>, so a dot is not allowed');
  });

  test('nothing that is right', async () => {
    expect(await refusal(good)).toBe('accepted');
    expect(await refusal(good, 'a'.repeat(63))).toBe('accepted');
    for (const name of ['0', 'a-1']) expect(await refusal(good, name)).toBe('accepted');
    const right = [
      selector({ matchExpressions: [{ key: 'app.kubernetes.io/part-of', operator: 'NotIn', values: [''] }] }),
      policy({ policyTypes: ['Egress'] }),
      policy({ ingress: [{ anyPeer: true }], egress: [{ to: [{ ipBlock: { cidr: '2001:db8::/32' } }] }] }),
      port({ port: 'https' }),
      port({ port: 1, endPort: 65_535, protocol: 'SCTP' }),
      quota({ 'requests.cpu': 20, 'limits.memory': '1.5Gi', 'count/secrets': '1e3', pods: '0' }),
      limit({ min: { cpu: '100m' }, max: { cpu: '0.1' } }),
      rule({ apiGroups: ['', 'apps'], resourceNames: ['one'] }),
      { ...good, excludeNamespaces: ['*', 'kube-*', 'a*b'] },
      { ...good, exceptions: { allow: ['Egress'], maxDuration: '99999h99999m' } },
    ];
    for (const spec of right) expect(await refusal(spec)).toBe('accepted');
  });
});

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly maxProperties?: number;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly 'x-kubernetes-int-or-string'?: boolean;
}

/** Formats whose length the API server knows by itself. */
const boundedFormats = ['date-time'];

/** The fields under a schema that may grow without a bound. */
function unbounded(schema: Schema, path: string): string[] {
  const { properties = {}, additionalProperties, items } = schema;
  const isText = schema.type === 'string' || schema['x-kubernetes-int-or-string'] === true;
  const isBoundedText =
    schema.maxLength !== undefined ||
    schema.enum !== undefined ||
    boundedFormats.includes(schema.format ?? '');
  return [
    ...(schema.type === 'array' && schema.maxItems === undefined ? [`${path}: no maxItems`] : []),
    ...(isText && !isBoundedText ? [`${path}: no maxLength`] : []),
    ...(additionalProperties !== undefined && schema.maxProperties === undefined
      ? [`${path}: no maxProperties`]
      : []),
    ...Object.entries(properties).flatMap(([name, property]) => unbounded(property, `${path}.${name}`)),
    ...(items === undefined ? [] : unbounded(items, `${path}[]`)),
    ...(typeof additionalProperties === 'object' ? unbounded(additionalProperties, `${path}{}`) : []),
  ];
}

test('every list, map and string of every schema has a bound', () => {
  const crds = readManifests('crds/*.yaml').filter(({ kind }) => kind === 'CustomResourceDefinition');
  const found = crds.flatMap((crd) => {
    const { names, versions } = (crd as unknown as { spec: CrdSpec }).spec;
    return versions.flatMap(({ schema }) => {
      const { spec = {}, status = {} } = schema.openAPIV3Schema.properties ?? {};
      return [...unbounded(spec, `${names.kind}.spec`), ...unbounded(status, `${names.kind}.status`)];
    });
  });
  expect(crds.length).toBeGreaterThan(0);
  expect(found).toEqual([]);
});

interface CrdSpec {
  readonly names: { readonly kind: string };
  readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[];
}
