import { describe, expect, test } from 'vitest';
import { diffConnections } from '../../../src/connectivity/diff.ts';
import { ConnectivityEngine } from '../../../src/connectivity/engine.ts';
import { formatParty } from '../../../src/connectivity/expand.ts';
import type { Cluster, NetworkPolicySpec } from '../../../src/connectivity/model.ts';
import { renderDot, renderList, renderMatrix, renderMermaid } from '../../../src/connectivity/render.ts';

const deployment = (namespace: string, name: string, replicas = 1) => ({
  namespace,
  name,
  labels: { app: name },
  workload: { kind: 'Deployment', name },
  replicas,
});

const policy = (name: string, spec: NetworkPolicySpec) => ({ namespace: 'shop', name, spec });

const policies = [
  policy('deny', { policyTypes: ['Ingress', 'Egress'] }),
  policy('web', {
    podSelector: { matchLabels: { app: 'web' } },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }], ports: [{ port: 443 }] }],
    egress: [
      {
        to: [{ podSelector: { matchLabels: { app: 'api' } } }],
        ports: [{ port: 80 }, { port: 8080, endPort: 8090 }],
      },
    ],
  }),
  policy('api', {
    podSelector: { matchLabels: { app: 'api' } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }] }],
  }),
];

const shop: Cluster = {
  namespaces: [],
  pods: [deployment('shop', 'web'), deployment('shop', 'api', 2), deployment('ops', 'probe')],
  policies,
};

describe('the list', () => {
  test('is by workload, with ranges of external addresses, the outside first', () => {
    expect(renderList(new ConnectivityEngine(shop).connections())).toBe(
      [
        '0.0.0.0-9.255.255.255 => shop/web[Deployment] : TCP 443',
        '0.0.0.0-255.255.255.255 => ops/probe[Deployment] : All Connections',
        '11.0.0.0-255.255.255.255 => shop/web[Deployment] : TCP 443',
        'ops/probe[Deployment] => 0.0.0.0-255.255.255.255 : All Connections',
        'shop/web[Deployment] => shop/api[Deployment] : TCP 80,8080-8090',
        '',
      ].join('\n'),
    );
  });

  test('keeps policies of one name apart, as a folder of manifests may hold them', () => {
    const to = (app: string) => ({ matchLabels: { app } });
    const twins = [
      policy('twin', {
        podSelector: to('web'),
        policyTypes: ['Egress'],
        egress: [{ to: [{ podSelector: to('api') }] }],
      }),
      policy('twin', {
        podSelector: to('api'),
        policyTypes: ['Egress'],
        egress: [{ to: [{ podSelector: to('web') }] }],
      }),
    ];
    const pods = [deployment('shop', 'web'), deployment('shop', 'api')];
    const lines = renderList(new ConnectivityEngine({ namespaces: [], policies: twins, pods }).connections());
    expect(lines.split('\n').filter((line) => line.startsWith('shop/'))).toEqual([
      'shop/api[Deployment] => shop/web[Deployment] : All Connections',
      'shop/web[Deployment] => shop/api[Deployment] : All Connections',
    ]);
  });

  test('shows IPv6 only in a cluster that knows it', () => {
    const pods = [deployment('ops', 'probe')];
    const list = (ips: string[]) =>
      renderList(
        new ConnectivityEngine({
          namespaces: [],
          policies: [],
          pods: pods.map((pod) => ({ ...pod, ips })),
        }).connections(),
      );
    expect(list(['10.0.0.1'])).not.toContain('::');
    expect(list(['fd00::1'])).toContain(
      '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff => ops/probe[Deployment]',
    );
  });

  test('shows traffic between the replicas of a workload, and not of a pod with itself', () => {
    const pods = [deployment('ops', 'probe'), deployment('ops', 'store', 3)];
    const list = renderList(new ConnectivityEngine({ namespaces: [], policies: [], pods }).connections());
    expect(list).toContain('ops/store[Deployment] => ops/store[Deployment] : All Connections');
    expect(list).not.toContain('ops/probe[Deployment] => ops/probe[Deployment]');
  });

  test('keeps a workload whole where only labels differ that no policy looks at', () => {
    const labels = (hash: string) => ({
      ...deployment('shop', 'web'),
      name: `web-${hash}`,
      labels: { app: 'web', hash },
    });
    const pods = [labels('a'), labels('b'), deployment('shop', 'api')];
    const list = renderList(new ConnectivityEngine({ namespaces: [], policies, pods }).connections());
    expect(list.match(/shop\/web\[Deployment\] => shop\/api/g)).toHaveLength(1);
  });
});

describe('other forms', () => {
  const connections = () => new ConnectivityEngine(shop).connections(['shop']);

  test('a matrix', () => {
    expect(renderMatrix(connections())).toBe(
      [
        '| from \\ to | shop/web[Deployment] | shop/api[Deployment] |',
        '|---|---|---|',
        '| 0.0.0.0-9.255.255.255 | TCP 443 | - |',
        '| 11.0.0.0-255.255.255.255 | TCP 443 | - |',
        '| shop/web[Deployment] | - | TCP 80,8080-8090 |',
        '',
      ].join('\n'),
    );
  });

  test('a Mermaid flowchart', () => {
    expect(renderMermaid(connections())).toBe(
      [
        'flowchart LR',
        '  n0["0.0.0.0-9.255.255.255"]',
        '  n2["11.0.0.0-255.255.255.255"]',
        '  subgraph ns1["shop"]',
        '    n1["web[Deployment]"]',
        '    n3["api[Deployment]"]',
        '  end',
        '  n0 -->|"TCP 443"| n1',
        '  n2 -->|"TCP 443"| n1',
        '  n1 -->|"TCP 80,8080-8090"| n3',
        '',
      ].join('\n'),
    );
  });

  test('a DOT graph', () => {
    expect(renderDot(connections())).toBe(
      [
        'digraph {',
        '  n0 [label="0.0.0.0-9.255.255.255"]',
        '  n2 [label="11.0.0.0-255.255.255.255"]',
        '  subgraph cluster_1 {',
        '    label="shop"',
        '    n1 [label="web[Deployment]"]',
        '    n3 [label="api[Deployment]"]',
        '  }',
        '  n0 -> n1 [label="TCP 443"]',
        '  n2 -> n1 [label="TCP 443"]',
        '  n1 -> n3 [label="TCP 80,8080-8090"]',
        '}',
        '',
      ].join('\n'),
    );
  });

  test('names cannot break out of a label', () => {
    const pods = [{ namespace: 'a"]', name: 'b"\\#' }];
    const hostile = () => new ConnectivityEngine({ namespaces: [], policies: [], pods }).connections();
    expect(renderMermaid(hostile())).toContain('["b#quot;\\#35;[Pod]"]');
    expect(renderDot(hostile())).toContain('[label="b\\"\\\\#[Pod]"]');
  });
});

describe('the difference of a change', () => {
  test('is what is cut and what is opened, alike sources as one group', () => {
    const open = { ...shop, policies: [] };
    const diff = diffConnections(open, shop);
    expect(
      [...diff.groups()].map(
        ({ sources, destinations, before, after }) =>
          `${sources.map(formatParty).join(' and ')} => ${destinations.map(formatParty).join(' and ')} : ${before} -> ${after}`,
      ),
    ).toEqual([
      '10.0.0.0-10.255.255.255 and ops/probe[Deployment] => shop/api[Deployment] and shop/web[Deployment] : All Connections -> No Connections',
      'shop/api[Deployment] => 0.0.0.0-255.255.255.255 and ops/probe[Deployment] and shop/api[Deployment] and shop/web[Deployment] : All Connections -> No Connections',
      'shop/web[Deployment] => shop/api[Deployment] : All Connections -> TCP 80,8080-8090',
      'shop/web[Deployment] => 0.0.0.0-255.255.255.255 and ops/probe[Deployment] : All Connections -> No Connections',
      '0.0.0.0-9.255.255.255 and 11.0.0.0-255.255.255.255 => shop/web[Deployment] : All Connections -> TCP 443',
      '0.0.0.0-9.255.255.255 and 11.0.0.0-255.255.255.255 => shop/api[Deployment] : All Connections -> No Connections',
    ]);
  });

  test('is empty for policies that are written differently and say the same', () => {
    const same = [...policies].reverse().map((each) => ({ ...each, name: `new-${each.name}` }));
    const diff = diffConnections(shop, { ...shop, policies: same });
    expect([diff.cutPairs, diff.openedPairs, [...diff.lines()]]).toEqual([0, 0, []]);
  });

  test('follows the labels of namespaces', () => {
    const fromOps = policy('ops', {
      ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'ops' } } }] }],
    });
    const before = { ...shop, namespaces: [{ name: 'ops', labels: { team: 'ops' } }], policies: [fromOps] };
    const lines = [...diffConnections(before, { ...before, namespaces: [{ name: 'ops' }] }).lines()];
    expect(lines.map(({ source, value }) => `${formatParty(source)} loses ${value.cut}`)).toEqual([
      'ops/probe[Deployment] loses All Connections',
      'ops/probe[Deployment] loses All Connections',
    ]);
  });
});
