/** The parts that a plan is computed from. */
import { describe, expect, test } from 'vitest';
import type { PodRecord, PodSpec } from '../../../src/cli/cluster/pod-record.ts';
import { podRecordOf } from '../../../src/cli/cluster/pod-record.ts';
import { formatAmount, podResources } from '../../../src/cli/cluster/pod-resources.ts';
import { warningsOf } from '../../../src/cli/cluster/warning-client.ts';
import { limitRangeViolations } from '../../../src/cli/plan/limit-range-violations.ts';
import { quotaViolations, unknownUse } from '../../../src/cli/plan/quota-violations.ts';
import { objectDiff } from '../../../src/cli/plan/readable-object.ts';
import { diffLines } from '../../../src/cli/plan/text-diff.ts';

function pod(spec: PodSpec, name = 'web'): PodRecord {
  return {
    namespace: 'shop',
    name,
    labels: {},
    annotations: {},
    spec,
    ips: [],
    workload: { kind: 'Deployment', name },
    replicas: 1,
  };
}

const gi = 1024n ** 3n * 1_000_000_000n;

describe('what pods ask for', () => {
  test('is the sum of containers and sidecars, or the most that an init container needs', () => {
    const { requests } = podResources({
      initContainers: [
        { name: 'proxy', restartPolicy: 'Always', resources: { requests: { memory: '1Gi' } } },
        { name: 'migrate', resources: { requests: { memory: '4Gi', cpu: '100m' } } },
      ],
      containers: [
        { name: 'a', resources: { requests: { memory: '1Gi', cpu: '200m' } } },
        { name: 'b', resources: { limits: { memory: '1Gi' } } },
      ],
    });
    expect(requests.get('memory')).toBe(5n * gi);
    expect(formatAmount(requests.get('cpu') ?? 0n, 'cpu')).toBe('200m');
  });

  test('is written as people write it', () => {
    expect(formatAmount(3n * gi, 'requests.memory')).toBe('3Gi');
    expect(formatAmount(2048n * 1_000_000_000n, 'pods')).toBe('2048');
  });
});

describe('workloads of pods', () => {
  const owner = (kind: string, name: string) => [{ apiVersion: 'x', kind, name, uid: 'u', controller: true }];
  test.each([
    [{}, [], 'Pod web-abc-1'],
    [{ 'pod-template-hash': 'abc' }, owner('ReplicaSet', 'web-abc'), 'Deployment web'],
    [{}, owner('ReplicaSet', 'web-abc'), 'ReplicaSet web-abc'],
    [{}, owner('Job', 'report-29123456'), 'CronJob report'],
    [{}, owner('Job', 'report-once'), 'Job report-once'],
    [{}, owner('StatefulSet', 'db'), 'StatefulSet db'],
  ])('%j %j: %s', (labels, ownerReferences, expected) => {
    const metadata = { name: 'web-abc-1', namespace: 'shop', labels, ownerReferences };
    const record = podRecordOf({ apiVersion: 'v1', kind: 'Pod', metadata });
    expect(`${record?.workload.kind} ${record?.workload.name}`).toBe(expected);
  });

  test('pods that have ended are none', () => {
    const metadata = { name: 'a', namespace: 'shop' };
    expect(
      podRecordOf({ apiVersion: 'v1', kind: 'Pod', metadata, status: { phase: 'Succeeded' } }),
    ).toBeUndefined();
  });
});

describe('quotas', () => {
  const asking = pod({
    containers: [{ name: 'c', resources: { requests: { cpu: '600m' }, limits: { cpu: '1' } } }],
  });
  const silent = pod({ containers: [{ name: 'c' }] }, 'silent');
  const input = {
    namespace: 'shop',
    name: 'tenant.compute',
    pods: [asking, silent],
    current: [],
    limits: [],
  };

  test('that are below what is in use', () => {
    const found = quotaViolations({
      ...input,
      pods: [asking, asking],
      spec: { hard: { 'requests.cpu': '1', pods: '2', 'limits.cpu': '2' } },
    });
    expect(found.map(({ message }) => message)).toEqual([
      'requests.cpu: 1200m in use, 1 allowed: what runs stays, and nothing more is admitted until it fits',
    ]);
  });

  test('that pods do not speak to, unless a LimitRange does for them', () => {
    const spec = { hard: { 'requests.cpu': '9', 'limits.memory': '9Gi' } };
    const found = quotaViolations({ ...input, spec });
    expect(found.map(({ subject, message }) => `${subject} ${message}`)).toEqual([
      expect.stringMatching(/^Deployment web gives no limits\.memory/),
      expect.stringMatching(/^Deployment silent gives no requests\.cpu, limits\.memory/),
    ]);
    const limits = [{ type: 'Container' as const, default: { memory: '1Gi' }, defaultRequest: { cpu: '1' } }];
    expect(quotaViolations({ ...input, spec, limits })).toEqual([]);
  });

  test('count only pods in their scope', () => {
    const spec = { hard: { pods: '0' }, scopes: ['BestEffort' as const] };
    expect(quotaViolations({ ...input, pods: [asking], spec })).toEqual([]);
    expect(quotaViolations({ ...input, pods: [silent], spec })).toHaveLength(1);
  });

  test('take what is in use of other things from quotas that count it, and say where none does', () => {
    const spec = { hard: { 'count/configmaps': '3', 'count/secrets': '1' } };
    const current = [
      {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'old' },
        spec: { hard: {} },
        status: { used: { 'count/configmaps': '5' } },
      },
    ];
    expect(quotaViolations({ ...input, spec, current })[0]?.message).toContain(
      'count/configmaps: 5 in use, 3 allowed',
    );
    expect(unknownUse({ ...input, spec, current })).toEqual(['count/secrets']);
  });
});

describe('limit ranges', () => {
  test.each([
    [
      { type: 'Container' as const, max: { cpu: '1' } },
      ['container c has limit cpu 2, at most 1 is allowed'],
    ],
    [
      { type: 'Container' as const, min: { cpu: '1' } },
      ['container c requests cpu 500m, at least 1 is asked for'],
    ],
    [
      { type: 'Container' as const, maxLimitRequestRatio: { cpu: '2' } },
      ['container c has a limit for cpu of more than 2 times its request'],
    ],
    [
      { type: 'Pod' as const, max: { memory: '1Gi' } },
      ['the pod has no limit for memory, at most 1Gi is asked for'],
    ],
    [{ type: 'Container' as const, max: { memory: '1Gi' } }, []],
    [{ type: 'PersistentVolumeClaim' as const, max: { storage: '1Gi' } }, []],
  ])('%j', (limit, reasons) => {
    const spec = {
      containers: [{ name: 'c', resources: { requests: { cpu: '500m' }, limits: { cpu: '2' } } }],
    };
    const found = limitRangeViolations('shop', 'tenant.limits', [limit], [pod(spec)]);
    expect(found.map(({ message }) => message)).toEqual(
      reasons.map((reason) => `${reason} (LimitRange tenant.limits): its next pod is refused`),
    );
  });
});

describe('differences', () => {
  test('show what changes with a little around it', () => {
    const lines = diffLines(['a', 'b', 'c', 'd', 'e', 'f'], ['a', 'b', 'c', 'D', 'e', 'f', 'g']);
    expect(lines.map(({ mark, text }) => mark + text)).toEqual([' b', ' c', '-d', '+D', ' e', ' f', '+g']);
  });

  test('are the shortest there are', () => {
    const lines = diffLines(['a', 'b'], ['x', 'y', 'a', 'b']);
    expect(lines.map(({ mark, text }) => mark + text)).toEqual(['+x', '+y', ' a', ' b']);
  });

  test('are not made by defaults and spellings', () => {
    const object = (spec: object, metadata: object = {}) => ({
      apiVersion: 'v1',
      kind: 'X',
      metadata: { name: 'a', ...metadata },
      spec,
    });
    expect(
      objectDiff('ResourceQuota', object({ hard: { cpu: '1000m' } }), object({ hard: { cpu: 1 } })),
    ).toEqual([]);
    expect(
      objectDiff(
        'NetworkPolicy',
        object({
          podSelector: {},
          policyTypes: ['Ingress'],
          ingress: [{ ports: [{ port: 80, protocol: 'TCP' }] }],
        }),
        object({ podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] }),
      ),
    ).toEqual([]);
    expect(
      objectDiff(
        'LimitRange',
        object({
          limits: [
            { type: 'Container', max: { cpu: '1' }, default: { cpu: '1' }, defaultRequest: { cpu: '1' } },
          ],
        }),
        object({ limits: [{ type: 'Container', max: { cpu: '1' } }] }),
      ),
    ).toEqual([]);
  });
});

test('warnings are read out of headers, however they come', () => {
  expect(warningsOf(undefined)).toEqual([]);
  expect(warningsOf('299 - "pods \\"a\\" fail", 299 agent "second"')).toEqual(['pods "a" fail', 'second']);
  expect(warningsOf(['299 - "one"', '299 - "two, with a comma"'])).toEqual(['one', 'two, with a comma']);
});
