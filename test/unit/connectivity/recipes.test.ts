import { describe, expect, test } from 'vitest';
import { ConnectivityEngine, UnknownPodError } from '../../../src/connectivity/engine.ts';
import type { Cluster, NetworkPolicySpec, Pod } from '../../../src/connectivity/model.ts';

/* What the well-known policies are known to do, in literal tables. */

const web: Pod = { namespace: 'shop', name: 'web', labels: { app: 'web' }, ips: ['10.0.0.1'] };
const api: Pod = {
  namespace: 'shop',
  name: 'api',
  labels: { app: 'api' },
  namedPorts: [{ name: 'http', containerPort: 8080 }],
  ips: ['10.0.0.2'],
};
const db: Pod = { namespace: 'shop', name: 'db', labels: { app: 'db' }, ips: ['10.0.0.3'] };
const dns: Pod = { namespace: 'kube-system', name: 'dns', labels: { app: 'dns' }, ips: ['10.0.1.1'] };
const probe: Pod = { namespace: 'ops', name: 'probe', labels: { app: 'probe' }, ips: ['10.0.2.1'] };
const agent: Pod = { namespace: 'ops', name: 'agent', hostNetwork: true, ips: ['192.168.0.4'] };

function cluster(...specs: NetworkPolicySpec[]): Cluster {
  return {
    namespaces: [{ name: 'shop' }, { name: 'kube-system' }, { name: 'ops', labels: { team: 'ops' } }],
    pods: [web, api, db, dns, probe, agent],
    policies: specs.map((spec, i) => ({ namespace: 'shop', name: `policy-${i}`, spec })),
  };
}

const INTERNET = { ip: '93.184.216.34' };
const ends = { web, api, db, dns, probe, agent, internet: INTERNET };
type End = keyof typeof ends;

function answer(specs: readonly NetworkPolicySpec[], source: End, destination: End): string {
  const engine = new ConnectivityEngine(cluster(...specs));
  return engine.canConnect({ source: ends[source], destination: ends[destination] }).connections.toString();
}

const ALL = 'All Connections';
const NONE = 'No Connections';
const denyAll: NetworkPolicySpec = { podSelector: {}, policyTypes: ['Ingress', 'Egress'] };
const opsNamespace = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ops' } } };

const recipes: [name: string, specs: NetworkPolicySpec[], rows: [End, End, string][]][] = [
  [
    'no policy: everything passes',
    [],
    [
      ['web', 'api', ALL],
      ['internet', 'web', ALL],
      ['web', 'internet', ALL],
    ],
  ],
  [
    'deny all traffic to an application',
    [{ podSelector: { matchLabels: { app: 'web' } }, ingress: [] }],
    [
      ['api', 'web', NONE],
      ['internet', 'web', NONE],
      ['web', 'api', ALL],
      ['api', 'db', ALL],
    ],
  ],
  [
    'limit traffic to an application',
    [
      {
        podSelector: { matchLabels: { app: 'api' } },
        ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }] }],
      },
    ],
    [
      ['web', 'api', ALL],
      ['db', 'api', NONE],
      ['probe', 'api', NONE],
      ['internet', 'api', NONE],
    ],
  ],
  [
    'allow all traffic to an application undoes a deny',
    [
      { podSelector: {}, ingress: [] },
      { podSelector: { matchLabels: { app: 'web' } }, ingress: [{}] },
    ],
    [
      ['probe', 'web', ALL],
      ['internet', 'web', ALL],
      ['probe', 'api', NONE],
    ],
  ],
  [
    'deny all but what is permitted',
    [denyAll],
    [
      ['web', 'api', NONE],
      ['web', 'dns', NONE],
      ['probe', 'web', NONE],
      ['web', 'internet', NONE],
      ['web', 'web', ALL],
    ],
  ],
  [
    'deny traffic from other namespaces',
    [{ podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }],
    [
      ['web', 'api', ALL],
      ['probe', 'api', NONE],
      ['internet', 'api', NONE],
    ],
  ],
  [
    'allow traffic from every namespace, and not from outside',
    [{ podSelector: {}, ingress: [{ from: [{ namespaceSelector: {} }] }] }],
    [
      ['probe', 'web', ALL],
      ['db', 'web', ALL],
      ['internet', 'web', NONE],
      ['agent', 'web', NONE],
    ],
  ],
  [
    'allow traffic from one namespace',
    [{ podSelector: {}, ingress: [{ from: [opsNamespace] }] }],
    [
      ['probe', 'web', ALL],
      ['dns', 'web', NONE],
      ['api', 'web', NONE],
    ],
  ],
  [
    'a namespace and pods in one peer must both match, in two peers either',
    [
      {
        podSelector: { matchLabels: { app: 'web' } },
        ingress: [{ from: [{ ...opsNamespace, podSelector: { matchLabels: { app: 'dns' } } }] }],
      },
      {
        podSelector: { matchLabels: { app: 'api' } },
        ingress: [{ from: [opsNamespace, { podSelector: { matchLabels: { app: 'db' } } }] }],
      },
    ],
    [
      ['probe', 'web', NONE],
      ['probe', 'api', ALL],
      ['db', 'api', ALL],
      ['web', 'api', NONE],
    ],
  ],
  [
    'allow traffic from outside: a rule without peers, or an ipBlock',
    [
      { podSelector: { matchLabels: { app: 'web' } }, ingress: [{ ports: [{ port: 443 }] }] },
      {
        podSelector: { matchLabels: { app: 'api' } },
        ingress: [{ from: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }] }],
      },
    ],
    [
      ['internet', 'web', 'TCP 443'],
      ['probe', 'web', 'TCP 443'],
      ['internet', 'api', ALL],
      ['probe', 'api', NONE],
      ['agent', 'api', ALL],
    ],
  ],
  [
    'allow only one port, also by the name that the destination gives it',
    [
      {
        podSelector: { matchLabels: { app: 'api' } },
        ingress: [{ ports: [{ port: 'http' }, { port: 'metrics' }] }],
      },
      {
        podSelector: { matchLabels: { app: 'db' } },
        policyTypes: ['Egress'],
        egress: [{ ports: [{ port: 'http' }] }],
      },
    ],
    [
      ['web', 'api', 'TCP 8080'],
      ['db', 'api', 'TCP 8080'],
      ['db', 'web', NONE],
      ['db', 'internet', NONE],
    ],
  ],
  [
    'deny egress but for DNS',
    [
      denyAll,
      {
        podSelector: {},
        policyTypes: ['Egress'],
        egress: [
          {
            to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }],
            ports: [{ port: 53, protocol: 'UDP' }, { port: 53 }],
          },
        ],
      },
    ],
    [
      ['web', 'dns', 'TCP 53, UDP 53'],
      ['web', 'probe', NONE],
      ['web', 'internet', NONE],
      ['dns', 'web', NONE],
    ],
  ],
  [
    'egress: [] without policyTypes isolates ingress only',
    [{ podSelector: { matchLabels: { app: 'web' } }, egress: [] }],
    [
      ['web', 'internet', ALL],
      ['api', 'web', NONE],
    ],
  ],
  [
    'policyTypes without Ingress: the ingress rules are not in force',
    [{ podSelector: {}, policyTypes: ['Egress'], ingress: [], egress: [{}] }],
    [
      ['probe', 'web', ALL],
      ['web', 'internet', ALL],
    ],
  ],
  [
    'NotIn also selects what has no such label',
    [{ podSelector: { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['x'] }] }, ingress: [] }],
    [['probe', 'web', NONE]],
  ],
  [
    'a peer without fields matches nobody',
    [{ podSelector: {}, ingress: [{ from: [{}] }] }],
    [['web', 'api', NONE]],
  ],
  [
    'pods on the host network are outside of policies and reachable by none of their selectors',
    [denyAll, { podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [{ namespaceSelector: {} }] }] }],
    [
      ['web', 'agent', NONE],
      ['agent', 'probe', ALL],
      ['web', 'probe', ALL],
    ],
  ],
];

describe('the well-known policies', () => {
  for (const [name, specs, rows] of recipes) {
    describe(name, () => {
      test.each(rows)('%s => %s : %s', (source, destination, expected) => {
        expect(answer(specs, source, destination)).toBe(expected);
      });
    });
  }
});

describe('a verdict', () => {
  const allowWeb: NetworkPolicySpec = {
    podSelector: { matchLabels: { app: 'api' } },
    ingress: [
      { from: [{ podSelector: { matchLabels: { app: 'db' } } }] },
      { from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 'http' }] },
    ],
  };
  const engine = new ConnectivityEngine(cluster(denyAll, allowWeb));

  test('names the policies that isolate and those that allow, per direction', () => {
    const { allowed, egress, ingress } = engine.canConnect({ source: web, destination: api, port: 8080 });
    expect(allowed).toBe(false);
    expect(egress).toMatchObject({ isolated: true, policies: [{ name: 'policy-0', rules: [] }] });
    expect(egress.allows.toString()).toBe(NONE);
    expect(ingress.allows.toString()).toBe('TCP 8080');
    expect(ingress.policies.map(({ name, allows }) => `${name}: ${allows}`)).toEqual([
      `policy-0: ${NONE}`,
      'policy-1: TCP 8080',
    ]);
    expect(ingress.policies[1]?.rules.map(({ index, matchesPeer }) => [index, matchesPeer])).toEqual([
      [0, false],
      [1, true],
    ]);
  });

  test('says why no policy bears on an end', () => {
    expect(engine.canConnect({ source: INTERNET, destination: api }).egress.exemption).toBe(
      'outside-of-cluster',
    );
    expect(engine.canConnect({ source: agent, destination: api }).egress.exemption).toBe('host-network');
    // A node's address is shared by all pods on its network, so it does not mean one of them.
    expect(engine.canConnect({ source: { ip: '192.168.0.4' }, destination: api }).egress.exemption).toBe(
      'outside-of-cluster',
    );
    expect(engine.canConnect({ source: api, destination: api }).ingress.exemption).toBe('same-pod');
  });

  test('does not take two replicas of a template for one pod', () => {
    const template = { ...web, replicas: 2 };
    const both = new ConnectivityEngine({ ...cluster(denyAll), pods: [template] });
    expect(both.canConnect({ source: template, destination: template }).allowed).toBe(false);
  });

  test('takes the address of a pod for the pod, and a workload by its name for its pods', () => {
    const owned = { ...web, name: 'web-7d9-x', workload: { kind: 'Deployment', name: 'web' } };
    const byName = new ConnectivityEngine({ ...cluster(denyAll, allowWeb), pods: [owned, api] });
    const byAddress = byName.canConnect({ source: { ip: '10.0.0.1' }, destination: { ip: '10.0.0.2' } });
    expect(byAddress).toEqual(
      byName.canConnect({ source: { namespace: 'shop', name: 'web' }, destination: api }),
    );
    expect(byAddress.ingress.policies).toHaveLength(2);
  });

  test('says when an ipBlock matched a pod, where network plugins differ', () => {
    const byBlock = { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] };
    const { ingress } = new ConnectivityEngine(cluster(byBlock)).canConnect({
      source: web,
      destination: api,
    });
    expect(ingress).toMatchObject({ isolated: true, byAddressOfPod: true });
    expect(ingress.allows.isAll).toBe(true);
  });

  test('resolves a port by name at the destination', () => {
    const ask = (port: string | number) =>
      new ConnectivityEngine(cluster())
        .canConnect({ source: web, destination: api, port })
        .connections.toString();
    expect([ask('http'), ask('nowhere'), ask(80)]).toEqual(['TCP 8080', NONE, 'TCP 80']);
  });

  test('is refused for what the cluster does not hold', () => {
    const ask = (source: object) => () =>
      engine.canConnect({ source: source as typeof web, destination: INTERNET });
    expect(ask({ namespace: 'shop', name: 'nobody' })).toThrow(UnknownPodError);
    expect(ask({ ip: '10.0.0' })).toThrow('"10.0.0" is not an IP address');
    expect(ask({ ip: '8.8.8.8' })).toThrow(RangeError);
  });
});
