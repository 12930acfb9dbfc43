import fc from 'fast-check';
import type {
  Cluster,
  IPBlock,
  LabelSelector,
  LabelSelectorRequirement,
  Labels,
  Namespace,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  Pod,
} from '../../../src/connectivity/model.ts';

// Small pools, so that selectors hit and miss about equally often and addresses fall on both sides of borders.
const NAMESPACES = ['shop', 'bank', 'ops'];
/** Mostly one, so that policies and pods meet. */
const inNamespace = fc.constantFrom('shop', 'shop', 'shop', 'bank', 'ops');
const KEYS = ['app', 'tier'];
const VALUES = ['a', 'b'];
const POD_IPS = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '10.1.0.1', '192.168.0.9', 'fd00::1', 'fd00:1::2'];

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

/** Fields that came out undefined are left out, as they are in manifests. */
function sparse<T extends object>(
  fields: {
    [K in keyof T]: fc.Arbitrary<T[K] | undefined>;
  },
): fc.Arbitrary<T> {
  return fc
    .record<Record<string, unknown>>(fields as Record<string, fc.Arbitrary<unknown>>)
    .map((value) => Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T);
}

const labels: fc.Arbitrary<Labels> = fc.dictionary(fc.constantFrom(...KEYS), fc.constantFrom(...VALUES));

const requirement = (
  keys: readonly string[],
  values: readonly string[],
): fc.Arbitrary<LabelSelectorRequirement> =>
  fc.oneof(
    fc.record({
      key: fc.constantFrom(...keys),
      operator: fc.constantFrom('In', 'NotIn'),
      values: fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 }),
    }),
    fc.record({ key: fc.constantFrom(...keys), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  );

const selector = (keys: readonly string[], values: readonly string[]): fc.Arbitrary<LabelSelector> =>
  fc.oneof(
    fc.constant({}),
    fc.record({
      matchLabels: fc.dictionary(fc.constantFrom(...keys), fc.constantFrom(...values), { maxKeys: 1 }),
    }),
    fc.record({ matchExpressions: fc.array(requirement(keys, values), { maxLength: 2 }) }),
  );

const podSelector = selector(KEYS, VALUES);
const namespaceSelector = fc.oneof(
  selector(['team'], VALUES),
  selector(['kubernetes.io/metadata.name'], NAMESPACES),
);

const ipBlock: fc.Arbitrary<IPBlock> = fc.constantFrom<IPBlock>(
  { cidr: '0.0.0.0/0' },
  { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '192.168.0.0/16'] },
  { cidr: '10.0.0.0/8', except: ['10.0.0.0/24'] },
  { cidr: '10.0.0.0/16', except: ['10.0.0.2/32', '10.0.1.0/24'] },
  { cidr: '10.0.0.1/32' },
  { cidr: '10.0.0.7/24' },
  { cidr: '192.168.0.0/31' },
  { cidr: '::/0', except: ['fd00::/8'] },
  { cidr: 'fd00::/16', except: ['fd00::1/128'] },
);

/** On either side of the borders that the blocks above draw, none of them a pod's. */
export const SAMPLE_IPS = [
  '0.0.0.0',
  '10.0.0.3',
  '10.0.1.255',
  '10.1.0.0',
  '11.0.0.0',
  '192.168.0.1',
  '192.168.0.2',
  '255.255.255.255',
  'fd00::2',
  'fe00::',
];

const peer: fc.Arbitrary<NetworkPolicyPeer> = fc.oneof(
  fc.record({ podSelector }),
  fc.record({ namespaceSelector }),
  fc.record({ podSelector, namespaceSelector }),
  fc.record({ ipBlock }),
);

const port: fc.Arbitrary<NetworkPolicyPort> = fc.constantFrom<NetworkPolicyPort>(
  {},
  { port: 80 },
  { protocol: 'TCP', port: 8080, endPort: 8090 },
  { protocol: 'TCP', port: 'http' },
  { protocol: 'UDP', port: 53 },
  { protocol: 'UDP', port: 'http' },
  { protocol: 'UDP' },
  { protocol: 'SCTP', port: 80, endPort: 8085 },
);

/** Borders of the ports above, and the numbers behind the names. */
export const SAMPLE_PORTS = [1, 53, 80, 81, 8080, 8085, 8091, 65535];

const ports = optional(fc.array(port, { maxLength: 2 }));
const peers = optional(fc.array(peer, { maxLength: 2 }));
const ingress = optional(fc.array(sparse({ from: peers, ports }), { maxLength: 2 }));
const egress = optional(fc.array(sparse({ to: peers, ports }), { maxLength: 2 }));
const types = fc.constantFrom(undefined, [], ['Ingress'], ['Egress'], ['Ingress', 'Egress']);

const spec: fc.Arbitrary<NetworkPolicy['spec']> = sparse<NetworkPolicy['spec']>({
  podSelector: optional(podSelector),
  policyTypes: types,
  ingress,
  egress,
});

/** Names repeat, as they may in a folder of manifests: nothing may rely on them. */
export const policies: fc.Arbitrary<NetworkPolicy[]> = fc
  .array(fc.record({ namespace: inNamespace, spec }), { maxLength: 5 })
  .map((list) => list.map((each, i) => ({ ...each, name: `policy-${i % 2}` })));

export const namespaces: fc.Arbitrary<Namespace[]> = fc.subarray(NAMESPACES).chain((names) =>
  fc.tuple(
    ...names.map((name) =>
      sparse<Namespace>({
        name: fc.constant(name),
        labels: optional(fc.dictionary(fc.constant('team'), fc.constantFrom(...VALUES))),
      }),
    ),
  ),
);

const namedPorts = optional(
  fc.subarray([
    { name: 'http', containerPort: 80 },
    { name: 'http', containerPort: 8085, protocol: 'UDP' },
    { name: 'http', containerPort: 8091, protocol: 'TCP' },
  ]),
);

/** Pods with addresses of their own; some share a workload although their labels differ, as in a rollout. */
const pods: fc.Arbitrary<Pod[]> = fc
  .array(
    sparse<Pod>({
      namespace: inNamespace,
      name: fc.constant(''),
      labels: optional(labels),
      namedPorts,
      hostNetwork: fc.constantFrom(undefined, undefined, undefined, true),
      workload: optional(fc.record({ kind: fc.constant('Deployment'), name: fc.constantFrom('one', 'two') })),
    }),
    { minLength: 2, maxLength: 5 },
  )
  .chain((list) =>
    fc.tuple(
      fc.constant(list),
      fc.shuffledSubarray(POD_IPS, { minLength: list.length, maxLength: list.length }),
      fc.boolean(),
    ),
  )
  .map(([list, ips, known]) =>
    list.map((pod, i) => ({ ...pod, name: `pod-${i}`, ...(known && { ips: [ips[i] ?? ''] }) })),
  );

export const clusters: fc.Arbitrary<Cluster> = fc.record({ namespaces, pods, policies });
