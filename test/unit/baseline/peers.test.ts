import { describe, expect, test } from 'vitest';
import { derivedItems } from '../../../src/api/names.ts';
import type { NamedPeers } from '../../../src/api/types.generated.ts';
import { type ClusterFacts, nothingKnown } from '../../../src/baseline/cluster-facts.ts';
import type { Direction } from '../../../src/baseline/desired-state.ts';
import { networkPolicies } from '../../../src/baseline/network-policy.ts';
import { dnsFactsOf } from '../../../src/baseline/peers/dns.ts';
import { apiServerEndpointsOf } from '../../../src/baseline/peers/kubernetes-api.ts';
import { namedPeers, peerNames } from '../../../src/baseline/peers/named-peers.ts';
import { nodeFactsOf } from '../../../src/baseline/peers/nodes.ts';
import { baseline, cluster, expand } from './fixtures.ts';

const justification = 'needed for the test';

/** A peer of each name, with everything given that must be. */
const each: Required<NamedPeers> = {
  dns: {},
  sameNamespace: {},
  kubernetesAPI: {},
  internet: { justification },
  cloudMetadata: { justification },
  nodes: { justification },
  gateway: { namespace: 'gateway', justification },
  monitoring: { namespace: 'monitoring', justification },
  webhooks: { justification, ports: [{ port: 8443 }] },
};

describe('every named peer', () => {
  test.each(peerNames)('%s has an object of a reserved name of its own', (name) => {
    const { manifest } = expand({ [name]: each[name] });
    expect(manifest?.metadata.name).toBe(`tenant.${namedPeers[name].item}`);
    expect(namedPeers[name].item).toMatch(/^allow-/);
    expect(Object.values(derivedItems)).toContain(namedPeers[name].item);
  });

  test.each(peerNames)('%s is written only in directions that are denied', (name) => {
    const allow = { [name]: each[name] };
    for (const denied of [[], ['Ingress'], ['Egress']] as Direction[][]) {
      const { objects } = networkPolicies(baseline('tenant', { networkPolicy: { allow } }), denied, cluster);
      const types = objects.map(({ manifest }) => (manifest.spec as { policyTypes: string[] }).policyTypes);
      const wanted = namedPeers[name].directions.filter((direction) => denied.includes(direction));
      expect(types).toEqual(wanted.length === 0 ? [] : [wanted]);
      for (const { manifest } of objects) {
        const spec = manifest.spec as { ingress?: unknown; egress?: unknown };
        expect(spec.ingress !== undefined).toBe(wanted.includes('Ingress'));
        expect(spec.egress !== undefined).toBe(wanted.includes('Egress'));
      }
    }
  });

  test.each(peerNames)('%s never gives a rule without peers, which would allow everybody', (name) => {
    for (const facts of [cluster, { ...cluster, givenRanges: ['0.0.0.0/0', '::/0'] }]) {
      const spec = expand({ [name]: each[name] }, facts).spec as
        | { ingress?: { from: unknown[] }[]; egress?: { to: unknown[] }[] }
        | undefined;
      for (const { from } of spec?.ingress ?? []) expect(from.length).toBeGreaterThan(0);
      for (const { to } of spec?.egress ?? []) expect(to.length).toBeGreaterThan(0);
    }
  });

  test.each(peerNames)(
    '%s that cannot be found is a problem with field and fix; the object from before is kept',
    (name) => {
      const { objects, problems, kept } = expand({ [name]: each[name] }, nothingKnown);
      if (objects.length > 0) return; // needs nothing of the cluster
      expect(problems).toEqual([
        expect.objectContaining({
          missing: true,
          message: expect.stringMatching(
            new RegExp(`^spec\\.networkPolicy\\.allow\\.${name}: .*(Give|Allow|allow) `),
          ),
        }),
      ]);
      expect(kept).toEqual([{ kind: 'NetworkPolicy', name: `tenant.${namedPeers[name].item}` }]);
    },
  );

  test.each(peerNames)('%s keeps its justification as an annotation, where it has one', (name) => {
    const { manifest } = expand({ [name]: each[name] });
    const kept = manifest?.metadata.annotations?.['securitybaseline.io/justification'];
    expect(kept).toBe('justification' in each[name] ? justification : undefined);
  });
});

describe('dns', () => {
  const service = {
    metadata: { namespace: 'openshift-dns' },
    spec: {
      selector: { dns: 'default' },
      ports: [
        { protocol: 'UDP', port: 53, targetPort: 'dns' },
        { protocol: 'TCP', port: 53, targetPort: 5353 },
        { protocol: 'TCP', port: 9154, targetPort: 'metrics' },
      ],
    },
  };

  test('found: the pods behind the Service, on the ports they listen on, and not its other ports', () => {
    const dns = dnsFactsOf(service);
    expect(expand({ dns: {} }, { ...cluster, dns }).spec).toEqual({
      podSelector: {},
      policyTypes: ['Egress'],
      egress: [
        {
          to: [
            {
              namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'openshift-dns' } },
              podSelector: { matchLabels: { dns: 'default' } },
            },
          ],
          ports: [
            { protocol: 'UDP', port: 'dns' },
            { protocol: 'TCP', port: 5353 },
          ],
        },
      ],
    });
  });

  test('a Service without a selector finds nothing', () => {
    expect(
      dnsFactsOf({ metadata: { namespace: 'kube-system' }, spec: { ports: [{ port: 53 }] } }),
    ).toBeUndefined();
  });

  test('given: by namespace, selector and ports, over UDP and TCP; the cluster is not asked', () => {
    const given = { namespace: 'dns', podSelector: { matchLabels: { app: 'bind' } }, ports: [5353] };
    const spec = expand({ dns: given }, nothingKnown).spec as { egress: { ports: unknown }[] };
    expect(spec.egress[0]?.ports).toEqual([
      { protocol: 'UDP', port: 5353 },
      { protocol: 'TCP', port: 5353 },
    ]);
  });

  test('a node-local address is allowed beside the pods, and suffices alone', () => {
    const addressOf = (facts: ClusterFacts, nodeLocalAddress: string) => {
      const { egress } = expand({ dns: { nodeLocalAddress } }, facts).spec as { egress: { to: unknown[] }[] };
      return egress.map(({ to }) => to);
    };
    expect(addressOf(cluster, '169.254.20.10')).toHaveLength(2);
    expect(addressOf(nothingKnown, '169.254.20.10')).toEqual([[{ ipBlock: { cidr: '169.254.20.10/32' } }]]);
    expect(addressOf(nothingKnown, 'FD00:0::A')).toEqual([[{ ipBlock: { cidr: 'fd00::a/128' } }]]);
  });

  test('an address that is none allows nothing', () => {
    expect(expand({ dns: { nodeLocalAddress: '300.1.1.1' } }, nothingKnown).objects).toEqual([]);
  });
});

describe('kubernetesAPI', () => {
  test('allows each address on each port of its slice, IPv4 and IPv6, and no more', () => {
    const apiServers = [
      { cidrs: ['fd00::1/128'], ports: [6443] },
      { cidrs: ['10.1.1.1/32', '10.1.1.2/32'], ports: [443, 6443] },
      { cidrs: ['10.1.1.0/32'], ports: [443, 6443] },
    ];
    expect(expand({ kubernetesAPI: {} }, { ...cluster, apiServers }).spec).toEqual({
      podSelector: {},
      policyTypes: ['Egress'],
      egress: [
        {
          to: ['10.1.1.0/32', '10.1.1.1/32', '10.1.1.2/32'].map((cidr) => ({ ipBlock: { cidr } })),
          ports: [
            { protocol: 'TCP', port: 443 },
            { protocol: 'TCP', port: 6443 },
          ],
        },
        { to: [{ ipBlock: { cidr: 'fd00::1/128' } }], ports: [{ protocol: 'TCP', port: 6443 }] },
      ],
    });
  });

  test.each([
    [
      'an address on a port',
      { endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ port: 6443 }] },
      ['10.0.0.1/32'],
    ],
    [
      'IPv6, spelt in one way',
      { endpoints: [{ addresses: ['FD00:0:0::1'] }], ports: [{ port: 6443, protocol: 'TCP' }] },
      ['fd00::1/128'],
    ],
    [
      'those that are not ready left out',
      {
        endpoints: [
          { addresses: ['10.0.0.1'], conditions: { ready: false } },
          { addresses: ['10.0.0.2'], conditions: { ready: true } },
          { addresses: ['10.0.0.3'], conditions: {} },
        ],
        ports: [{ port: 6443 }],
      },
      ['10.0.0.2/32', '10.0.0.3/32'],
    ],
    [
      'names instead of addresses',
      { endpoints: [{ addresses: ['api.example.com'] }], ports: [{ port: 6443 }] },
      undefined,
    ],
    [
      'a range in place of an address',
      { endpoints: [{ addresses: ['0.0.0.0/0'] }], ports: [{ port: 6443 }] },
      undefined,
    ],
    ['no ports, which means every port', { endpoints: [{ addresses: ['10.0.0.1'] }] }, undefined],
    [
      'a port of null, which means every port',
      { endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ port: null }] },
      undefined,
    ],
    [
      'UDP only',
      { endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ port: 1, protocol: 'UDP' }] },
      undefined,
    ],
    ['no endpoints', { endpoints: null, ports: [{ port: 6443 }] }, undefined],
    ['nothing', {}, undefined],
  ])('a slice with %s', (_name, slice, cidrs) => {
    expect(apiServerEndpointsOf(slice)?.cidrs).toEqual(cidrs);
  });
});

describe('cloudMetadata', () => {
  test('opens the two addresses, over HTTP, and nothing else', () => {
    expect(expand({ cloudMetadata: { justification } }).spec).toEqual({
      podSelector: {},
      policyTypes: ['Egress'],
      egress: [
        {
          to: [{ ipBlock: { cidr: '169.254.169.254/32' } }, { ipBlock: { cidr: 'fd00:ec2::254/128' } }],
          ports: [{ protocol: 'TCP', port: 80 }],
        },
      ],
    });
  });
});

describe('nodes', () => {
  test('follows the internal addresses, each once, in a fixed order', () => {
    const nodes = ['10.0.0.2/32', '10.0.0.1/32', '10.0.0.2/32'].map((address) => ({
      addresses: [address],
      podRanges: [],
    }));
    const ports = [{ port: 10250 }];
    expect(expand({ nodes: { justification, ports } }, { ...cluster, nodes }).spec).toEqual({
      podSelector: {},
      policyTypes: ['Egress'],
      egress: [{ to: [{ ipBlock: { cidr: '10.0.0.1/32' } }, { ipBlock: { cidr: '10.0.0.2/32' } }], ports }],
    });
  });

  test('a Node tells internal addresses and pod ranges, and not its other addresses', () => {
    const addresses = [
      { type: 'InternalIP', address: '10.0.0.1' },
      { type: 'InternalIP', address: 'FD00::1' },
      { type: 'ExternalIP', address: '52.0.0.1' },
      { type: 'Hostname', address: 'node-1' },
    ];
    expect(
      nodeFactsOf({
        spec: { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24', 'fd01::/64'] },
        status: { addresses },
      }),
    ).toEqual({
      addresses: ['10.0.0.1/32', 'fd00::1/128'],
      podRanges: ['10.1.0.0/24', 'fd01::/64'],
    });
    expect(nodeFactsOf({ spec: { podCIDR: '10.1.0.0/24' } }).podRanges).toEqual(['10.1.0.0/24']);
    expect(nodeFactsOf({})).toEqual({ addresses: [], podRanges: [] });
  });

  test('a thousand are listed; one more is a problem', () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, i) => ({
        addresses: [`10.0.${i >> 8}.${i & 255}/32`],
        podRanges: [],
      }));
    expect(expand({ nodes: { justification } }, { ...cluster, nodes: many(1000) }).problems).toEqual([]);
    expect(expand({ nodes: { justification } }, { ...cluster, nodes: many(1001) }).problems[0]?.reason).toBe(
      'TooManyNodes',
    );
  });
});

describe('gateway and monitoring', () => {
  test.each(['gateway', 'monitoring'] as const)(
    '%s: from its namespace by name, narrowed where asked',
    (name) => {
      const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': 'infra' } };
      expect(expand({ [name]: { namespace: 'infra', justification } }).spec).toEqual({
        podSelector: {},
        policyTypes: ['Ingress'],
        ingress: [{ from: [{ namespaceSelector }] }],
      });
      const podSelector = { matchLabels: { app: 'envoy' } };
      const ports = [{ port: 'http' }];
      expect(expand({ [name]: { namespace: 'infra', podSelector, ports, justification } }).spec).toEqual({
        podSelector: {},
        policyTypes: ['Ingress'],
        ingress: [{ from: [{ namespaceSelector, podSelector }], ports }],
      });
    },
  );
});

describe('webhooks', () => {
  test("from the API server's addresses, to the pods that serve them", () => {
    const podSelector = { matchLabels: { app: 'webhook' } };
    const ports = [{ port: 8443 }];
    const apiServers = [
      { cidrs: ['10.1.1.2/32', '10.1.1.1/32'], ports: [6443] },
      { cidrs: ['fd00::1/128'], ports: [6443] },
    ];
    expect(
      expand({ webhooks: { podSelector, ports, justification } }, { ...cluster, apiServers }).spec,
    ).toEqual({
      podSelector,
      policyTypes: ['Ingress'],
      ingress: [
        { from: ['10.1.1.1/32', '10.1.1.2/32', 'fd00::1/128'].map((cidr) => ({ ipBlock: { cidr } })), ports },
      ],
    });
  });
});
