import { describe, expect, test } from 'vitest';
import type {
  BaselineException,
  LimitRangeLimit,
  NetworkPolicySpec,
} from '../../../src/api/types.generated.ts';
import { compose, composeAsIfEnforced } from '../../../src/baseline/desired.ts';
import { nothingDesired } from '../../../src/baseline/desired-state.ts';
import { baseline, cluster, namesIn, objectIn } from './fixtures.ts';

const justification = 'needed for the test';
const denyAll = { defaultDeny: ['Ingress' as const, 'Egress' as const] };

describe('several baselines on one namespace (the rows of the composition table)', () => {
  test('default deny: the union of directions; each denies what it says', () => {
    const state = compose(
      [
        baseline('a', { networkPolicy: { defaultDeny: ['Egress'] } }),
        baseline('b', { networkPolicy: { defaultDeny: ['Ingress'] } }),
      ],
      cluster,
    );
    expect(state.denied).toEqual(['Ingress', 'Egress']);
    const specOf = (name: string) => objectIn(state, 'NetworkPolicy', name).manifest.spec;
    expect(specOf('a.default-deny')).toEqual({ podSelector: {}, policyTypes: ['Egress'] });
    expect(specOf('b.default-deny')).toEqual({ podSelector: {}, policyTypes: ['Ingress'] });
  });

  test('tenantPolicies: a Restrict holds in the directions that others deny, which admission is told of', () => {
    const restrict = (name: string, ...defaultDeny: ('Ingress' | 'Egress')[]) =>
      baseline(name, { networkPolicy: { defaultDeny, tenantPolicies: 'Restrict' } });
    const deny = baseline('other', { networkPolicy: { defaultDeny: ['Egress'] } });
    expect(compose([restrict('a', 'Ingress'), deny], cluster).deniedMark).toBe('Egress,Ingress');
    expect(compose([restrict('a', 'Ingress', 'Egress'), deny], cluster).deniedMark).toBe('');
    expect(compose([restrict('a', 'Egress'), deny], cluster).deniedMark).toBe('');
    const auditing = { ...deny, spec: { ...deny.spec, mode: 'Audit' as const } };
    expect(compose([restrict('a', 'Ingress'), auditing], cluster).deniedMark).toBe('');
  });

  test('default deny: an allowance counts in a direction that another baseline denies', () => {
    const state = compose(
      [
        baseline('a', { networkPolicy: denyAll }),
        baseline('b', { networkPolicy: { allow: { sameNamespace: {} } } }),
      ],
      cluster,
    );
    expect(objectIn(state, 'NetworkPolicy', 'b.allow-same-namespace').manifest.spec).toEqual({
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ podSelector: {} }] }],
      egress: [{ to: [{ podSelector: {} }] }],
    });
  });

  test("NetworkPolicies: each baseline's own objects, the allowances of both among them", () => {
    const allow = { dns: {}, sameNamespace: {} };
    const item = { name: 'extra', justification, spec: { podSelector: {}, ingress: [{ anyPeer: true }] } };
    const state = compose(
      ['a', 'b'].map((name) => baseline(name, { networkPolicy: { ...denyAll, allow, policies: [item] } })),
      cluster,
    );
    expect(namesIn(state)).toEqual(
      ['a', 'b'].flatMap((name) =>
        ['default-deny', 'allow-dns', 'allow-same-namespace', 'extra'].map(
          (each) => `NetworkPolicy/${name}.${each}`,
        ),
      ),
    );
  });

  test("ResourceQuotas: each baseline's own objects, unchanged", () => {
    const state = compose(
      ['10', '20'].map((cpu) =>
        baseline(`cpu-${cpu}`, {
          resourceQuotas: [{ name: 'compute', spec: { hard: { 'requests.cpu': cpu } } }],
        }),
      ),
      cluster,
    );
    expect(state.objects.map(({ name, manifest }) => [name, manifest.spec])).toEqual([
      ['cpu-10.compute', { hard: { 'requests.cpu': '10' } }],
      ['cpu-20.compute', { hard: { 'requests.cpu': '20' } }],
    ]);
  });

  const defaults = (cpu: string, rest: Partial<LimitRangeLimit> = {}) => [
    { name: 'limits', spec: { limits: [{ type: 'Container' as const, default: { cpu }, ...rest }] } },
  ];

  test('LimitRanges: clashing defaults are those of the highest priority; the loser is told', () => {
    const state = compose(
      [
        baseline('a', { limitRanges: defaults('1') }),
        baseline('b', { priority: 200, limitRanges: defaults('2') }),
      ],
      cluster,
    );
    for (const name of ['a', 'b']) {
      expect(objectIn(state, 'LimitRange', `${name}.limits`).manifest.spec).toMatchObject({
        limits: [{ default: { cpu: '2' } }],
      });
    }
    expect(state.problems.map(({ baseline, reason, missing }) => [baseline.name, reason, missing])).toEqual([
      ['a', 'LimitRangeDefaultsOverridden', false],
    ]);
  });

  test('LimitRanges: of equal priority, the name that sorts first wins', () => {
    const state = compose(
      [baseline('b', { limitRanges: defaults('2') }), baseline('a', { limitRanges: defaults('1') })],
      cluster,
    );
    expect(objectIn(state, 'LimitRange', 'b.limits').manifest.spec).toMatchObject({
      limits: [{ default: { cpu: '1' } }],
    });
    expect(state.problems.map(({ baseline }) => baseline.name)).toEqual(['b']);
  });

  test('LimitRanges: defaults that are spelt differently do not clash', () => {
    const state = compose(
      [baseline('a', { limitRanges: defaults('1') }), baseline('b', { limitRanges: defaults('1000m') })],
      cluster,
    );
    expect(state.problems).toEqual([]);
  });

  test("LimitRanges: the winner's default is held within the loser's max", () => {
    const state = compose(
      [
        baseline('a', { priority: 200, limitRanges: defaults('4') }),
        baseline('b', { limitRanges: defaults('1', { max: { cpu: '2' } }) }),
      ],
      cluster,
    );
    expect(objectIn(state, 'LimitRange', 'a.limits').manifest.spec).toMatchObject({
      limits: [{ default: { cpu: '2' } }],
    });
    expect(state.problems.map(({ baseline }) => baseline.name)).toEqual(['a', 'b']);
  });

  test('LimitRanges: bounds that leave nothing open are told to both, and every object is one that can be written', () => {
    const limits = (limit: Partial<LimitRangeLimit>) => [
      { name: 'limits', spec: { limits: [{ type: 'Container' as const, ...limit }] } },
    ];
    const state = compose(
      [
        baseline('a', { limitRanges: limits({ min: { cpu: '2' } }) }),
        baseline('b', { limitRanges: limits({ max: { cpu: '1' } }) }),
      ],
      cluster,
    );
    expect(state.problems.map(({ baseline, reason }) => [baseline.name, reason])).toEqual([
      ['a', 'LimitRangesContradict'],
      ['b', 'LimitRangesContradict'],
    ]);
    expect(objectIn(state, 'LimitRange', 'a.limits').manifest.spec).toMatchObject({
      limits: [{ min: { cpu: '2' }, defaultRequest: { cpu: '2' } }],
    });
    expect(objectIn(state, 'LimitRange', 'b.limits').manifest.spec).toMatchObject({
      limits: [{ max: { cpu: '1' }, default: { cpu: '1' } }],
    });
  });

  test('Pod Security: the strictest level wins, per mode', () => {
    const state = compose(
      [
        baseline('a', { podSecurity: { enforce: 'baseline', audit: 'restricted' } }),
        baseline('b', { podSecurity: { enforce: 'restricted', warn: 'baseline' } }),
      ],
      cluster,
    );
    expect(state.podSecurity).toEqual({
      enforce: { level: 'restricted', version: 'latest' },
      audit: { level: 'restricted', version: 'latest' },
      warn: { level: 'baseline', version: 'latest' },
    });
  });

  test('Pod Security version: of the baseline that gave the level, though another has a newer one', () => {
    const state = compose(
      [
        baseline('a', { podSecurity: { enforce: 'baseline', version: 'latest' } }),
        baseline('b', { podSecurity: { enforce: 'restricted', version: 'v1.30' } }),
      ],
      cluster,
    );
    expect(state.podSecurity.enforce).toEqual({ level: 'restricted', version: 'v1.30' });
  });

  test.each([
    ['v1.9', 'v1.30', 'v1.30'],
    ['v1.30', 'latest', 'latest'],
    ['latest', 'v1.99', 'latest'],
  ])('Pod Security version: on a tie of %s and %s it is %s', (first, second, expected) => {
    const state = compose(
      [
        baseline('a', { podSecurity: { enforce: 'baseline', version: first } }),
        baseline('b', { podSecurity: { enforce: 'baseline', version: second } }),
      ],
      cluster,
    );
    expect(state.podSecurity.enforce?.version).toBe(expected);
  });

  test('default ServiceAccount: deny wins', () => {
    const denying = baseline('a', { defaultServiceAccount: { automountToken: false } });
    const silent = baseline('b', { priority: 1000 });
    expect(compose([denying, silent], cluster).denyDefaultToken).toBe(true);
    expect(compose([silent], cluster).denyDefaultToken).toBe(false);
  });

  test('ServiceAccounts of one name: the highest priority wins, and the loser is told', () => {
    const state = compose(
      [
        baseline('a', { serviceAccounts: [{ name: 'app' }, { name: 'own' }] }),
        baseline('b', { priority: 200, serviceAccounts: [{ name: 'app', automountToken: true }] }),
      ],
      cluster,
    );
    expect(namesIn(state)).toEqual(['ServiceAccount/app', 'ServiceAccount/own']);
    expect(objectIn(state, 'ServiceAccount', 'app')).toMatchObject({
      baseline: { name: 'b' },
      manifest: { automountServiceAccountToken: true },
    });
    expect(state.problems.map(({ baseline, reason }) => [baseline.name, reason])).toEqual([
      ['a', 'ServiceAccountOverridden'],
    ]);
  });

  test("deletionPolicy: each object's own baseline's, recorded on the object", () => {
    const quota = [{ name: 'compute', spec: { hard: { pods: '10' } } }];
    const state = compose(
      [
        baseline('a', { deletionPolicy: 'Orphan', resourceQuotas: quota }),
        baseline('b', { deletionPolicy: 'Delete', resourceQuotas: quota }),
      ],
      cluster,
    );
    const policyOf = (name: string) =>
      objectIn(state, 'ResourceQuota', name).manifest.metadata.annotations?.[
        'securitybaseline.io/deletion-policy'
      ];
    expect(policyOf('a.compute')).toBe('Orphan');
    expect(policyOf('b.compute')).toBeUndefined();
  });

  describe('Audit + Enforce', () => {
    const auditing = baseline('a', {
      mode: 'Audit',
      networkPolicy: denyAll,
      podSecurity: { enforce: 'restricted' },
      admission: { holdPodsUntilHardened: true },
      serviceAccounts: [{ name: 'app' }],
    });
    const enforcing = baseline('b', {
      podSecurity: { enforce: 'baseline' },
      serviceAccounts: [{ name: 'app' }],
    });

    test('only the enforcing ones write, and nobody holds pods for the auditing ones', () => {
      const state = compose([auditing, enforcing], cluster);
      expect(namesIn(state)).toEqual(['ServiceAccount/app']);
      expect(state.baselines.map(({ name }) => name)).toEqual(['b']);
      expect(state.auditing.map(({ name }) => name)).toEqual(['a']);
      expect(state.denied).toEqual([]);
      expect(state.podSecurity.enforce?.level).toBe('baseline');
      expect(state.mark).toEqual([]);
      expect(state.problems).toEqual([]);
    });

    test('auditing ones alone ask for nothing', () => {
      expect(compose([auditing], cluster)).toEqual({
        ...nothingDesired,
        auditing: [{ name: 'a', uid: 'uid-of-a' }],
      });
    });

    test('as if enforced, all write', () => {
      const state = composeAsIfEnforced([auditing, enforcing], cluster);
      expect(state.podSecurity.enforce?.level).toBe('restricted');
      expect(namesIn(state)).toContain('NetworkPolicy/a.default-deny');
    });
  });

  test('holding pods: the mark names every enforcing baseline, as soon as one of them holds', () => {
    const holding = baseline('a', { admission: { holdPodsUntilHardened: true } });
    expect(compose([baseline('b'), holding], cluster).mark).toEqual(['uid-of-a', 'uid-of-b']);
    expect(compose([baseline('b')], cluster).mark).toEqual([]);
  });
});

test('nothing selecting is nothing desired', () => {
  expect(compose([], cluster)).toEqual(nothingDesired);
});

describe('policies that the baseline writes out', () => {
  const spec: NetworkPolicySpec = {
    podSelector: { matchLabels: { app: 'web' } },
    ingress: [{ anyPeer: true, ports: [{ port: 80 }] }, { from: [{ podSelector: {} }] }],
    egress: [{ anyPeer: true }],
  };

  test('are plain specs: anyPeer is our word, not Kubernetes', () => {
    const state = compose(
      [baseline('a', { networkPolicy: { policies: [{ name: 'web', justification, spec }] } })],
      cluster,
    );
    expect(objectIn(state, 'NetworkPolicy', 'a.web').manifest).toMatchObject({
      metadata: { annotations: { 'securitybaseline.io/justification': justification } },
      spec: {
        podSelector: { matchLabels: { app: 'web' } },
        ingress: [{ ports: [{ port: 80 }] }, { from: [{ podSelector: {} }] }],
        egress: [{}],
      },
    });
    expect(JSON.stringify(state)).not.toContain('anyPeer');
  });
});

describe('what is not known at the moment', () => {
  test('is kept, told, and not written', () => {
    const state = compose([baseline('a', { networkPolicy: { ...denyAll, allow: { dns: {} } } })], {
      ...cluster,
      dns: undefined,
    });
    expect(namesIn(state)).toEqual(['NetworkPolicy/a.default-deny']);
    expect(state.kept).toEqual([{ kind: 'NetworkPolicy', name: 'a.allow-dns' }]);
    expect(state.problems[0]).toMatchObject({ reason: 'DnsNotFound', missing: true });
  });

  test('is of no interest where the direction is not denied', () => {
    const ingressOnly = baseline('a', { networkPolicy: { defaultDeny: ['Ingress'], allow: { dns: {} } } });
    const state = compose([ingressOnly], { ...cluster, dns: undefined });
    expect(state.kept).toEqual([]);
    expect(state.problems).toEqual([]);
  });
});

test('exceptions change what was composed, and nothing of what the baselines say', () => {
  const exception: BaselineException = {
    apiVersion: 'securitybaseline.io/v1alpha1',
    kind: 'BaselineException',
    metadata: { name: 'wider', uid: 'uid-of-wider' },
    spec: {
      reason: 'a migration needs it',
      expiresAt: '2026-03-01T00:00:00Z',
      podSecurity: { enforce: 'baseline' },
      quota: { hard: { pods: '30', secrets: '5' } },
    },
  };
  const given = baseline('a', {
    podSecurity: { enforce: 'restricted', warn: 'restricted' },
    resourceQuotas: [{ name: 'objects', spec: { hard: { pods: '20' } } }],
  });
  const state = compose([given], cluster, [exception]);
  expect(state.podSecurity).toMatchObject({ enforce: { level: 'baseline' }, warn: { level: 'restricted' } });
  expect(objectIn(state, 'ResourceQuota', 'a.objects').manifest.spec).toEqual({ hard: { pods: '30' } });
  expect(given.spec.resourceQuotas?.[0]?.spec.hard).toEqual({ pods: '20' });
});
