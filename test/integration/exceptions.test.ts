import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness } from '../support/operator-harness.ts';
import type { Body, ServedObject } from '../support/rest-client.ts';
import type { Condition, Scenario } from '../support/scenario.ts';

let harness: OperatorHarness;

const deny = { defaultDeny: ['Ingress', 'Egress'] };
const database = [{ to: [{ ipBlock: { cidr: '10.1.2.3/32' } }], ports: [{ port: 5432 }] }];

beforeAll(async () => {
  harness = await OperatorHarness.start();
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
});

/** RFC 3339, so many seconds from now. */
function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}

function target(namespace: string, name = 'legacy') {
  return { kind: 'BaselineException', namespace, name } as const;
}

async function ask(namespace: string, relaxation: Body, name = 'legacy'): Promise<ServedObject> {
  const spec = { reason: 'the migration reads the old database', expiresAt: inSeconds(3600), ...relaxation };
  return await harness.admin.create(target(namespace, name), { spec });
}

async function approve({ metadata }: ServedObject, change: Body = {}): Promise<void> {
  const approval = { by: 'security', uid: metadata.uid, generation: metadata.generation, ...change };
  await harness.admin.mergePatch(
    target(metadata.namespace ?? '', metadata.name),
    { status: { approval } },
    'status',
  );
}

/** The reason of the exception's Active condition, once it is this. */
async function becomes(namespace: string, reason: string, name = 'legacy'): Promise<ServedObject> {
  return await eventually(
    async () => {
      const exception = await harness.admin.get(target(namespace, name));
      const { conditions = [] } = (exception.status ?? {}) as { conditions?: readonly Condition[] };
      const active = conditions.find(({ type }) => type === 'Active');
      if (active?.reason !== reason) throw new Error(JSON.stringify(conditions));
      return exception;
    },
    { what: `the exception is ${reason}` },
  );
}

async function exceptionPolicy(scenario: Scenario, namespace: string): Promise<ServedObject | undefined> {
  return await harness.admin.find({
    kind: 'NetworkPolicy',
    namespace,
    name: `${scenario.name}.exception-legacy`,
  });
}

describe('an exception', () => {
  test('takes effect when it is approved, says what it relaxes, and gives its reason to the object', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline({ networkPolicy: deny, exceptions: { allow: ['Egress'], maxDuration: '8h' } });
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const asked = await ask(namespace, { egress: database });
    await becomes(namespace, 'AwaitingApproval');
    expect(await exceptionPolicy(scenario, namespace)).toBeUndefined();

    await approve(asked);
    const active = await becomes(namespace, 'Active');

    expect(active.status).toMatchObject({
      relaxes: ['egress: 1 more rules'],
      until: (asked.spec as { expiresAt: string }).expiresAt,
    });
    await eventually(() => exceptionPolicy(scenario, namespace).then((found) => found !== undefined), {
      what: 'the exception has its policy',
    });
    const policy = await exceptionPolicy(scenario, namespace);
    expect(policy?.spec).toEqual({
      podSelector: {},
      policyTypes: ['Egress'],
      egress: [{ to: [{ ipBlock: { cidr: '10.1.2.3/32' } }], ports: [{ port: 5432, protocol: 'TCP' }] }],
    });
    expect(policy?.metadata.annotations).toEqual({
      'securitybaseline.io/justification': 'the migration reads the old database',
      'securitybaseline.io/exception': 'legacy',
    });
    await eventually(
      async () =>
        expect(await harness.events(namespace)).toEqual(
          expect.arrayContaining([expect.stringContaining('ExceptionActive: approved by security')]),
        ),
      { what: 'an event says so' },
    );
    const metrics = await harness.operator.metrics();
    expect(metrics).toMatch(/security_baseline_exceptions\{state="Active"\} [1-9]/);
    expect(metrics).toMatch(/security_baseline_exceptions_ending\{within="24h"\} [1-9]/);
  });

  test('raises quotas and lowers the enforced Pod Security level, and gives both back when it is deleted', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline({
      resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10', 'requests.cpu': '4' } } }],
      podSecurity: { enforce: 'restricted', warn: 'restricted' },
      exceptions: { allow: ['Quota', 'PodSecurity'] },
    });
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const quota = { kind: 'ResourceQuota', namespace, name: `${scenario.name}.compute` } as const;
    const facts = async () => {
      const { spec } = await harness.admin.get(quota);
      const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
      return {
        hard: (spec as { hard: unknown }).hard,
        enforce: metadata.labels?.['pod-security.kubernetes.io/enforce'],
        warn: metadata.labels?.['pod-security.kubernetes.io/warn'],
      };
    };
    await approve(
      await ask(namespace, {
        quota: { hard: { pods: '20', 'requests.cpu': '1' } },
        podSecurity: { enforce: 'privileged' },
      }),
    );
    await eventually(
      async () =>
        expect(await facts()).toEqual({
          hard: { pods: '20', 'requests.cpu': '4' },
          enforce: 'privileged',
          warn: 'restricted',
        }),
      { what: 'quota and level are relaxed' },
    );

    await harness.admin.delete(target(namespace));

    await eventually(
      async () =>
        expect(await facts()).toEqual({
          hard: { pods: '10', 'requests.cpu': '4' },
          enforce: 'restricted',
          warn: 'restricted',
        }),
      { what: 'quota and level are back' },
    );
  });

  test('ends by itself, also when the operator was not there to see it', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline({ networkPolicy: deny, exceptions: { allow: ['Egress'] } });
    const [first, second] = [await scenario.namespace('a'), await scenario.namespace('b')];
    await scenario.hardened(2);
    await approve(await ask(first, { egress: database, expiresAt: inSeconds(4) }));
    await approve(await ask(second, { egress: database, expiresAt: inSeconds(8) }));
    await becomes(first, 'Active');
    await becomes(second, 'Active');

    await becomes(first, 'Expired');
    await eventually(() => exceptionPolicy(scenario, first).then((found) => found === undefined), {
      what: 'the first exception gives nothing any more',
    });

    await harness.stopOperator();
    await eventually(
      async () => {
        const { spec } = await harness.admin.get(target(second));
        return Date.parse((spec as { expiresAt: string }).expiresAt) < Date.now();
      },
      { what: 'the second exception has run out' },
    );
    await harness.startOperator();
    await becomes(second, 'Expired');
    await eventually(() => exceptionPolicy(scenario, second).then((found) => found === undefined), {
      what: 'the second exception gives nothing any more',
    });
  });

  test('ends when its approval is taken back', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline({ networkPolicy: deny, exceptions: { allow: ['Egress'] } });
    const namespace = await scenario.namespace();
    await scenario.hardened();
    await approve(await ask(namespace, { egress: database }));
    await becomes(namespace, 'Active');

    await harness.admin.mergePatch(target(namespace), { status: { approval: null } }, 'status');

    await becomes(namespace, 'AwaitingApproval');
    await eventually(() => exceptionPolicy(scenario, namespace).then((found) => found === undefined), {
      what: 'the exception gives nothing any more',
    });
  });

  test.each([
    ['another UID', { uid: 'e0e0e0e0-0000-0000-0000-000000000000' }],
    ['another generation', { generation: 7 }],
  ])('is not approved by an approval for %s', async (_what, change) => {
    await using scenario = harness.scenario();
    await scenario.baseline({ networkPolicy: deny, exceptions: { allow: ['Egress'] } });
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const asked = await ask(namespace, { egress: database });
    await approve(asked, change);
    const proof = await ask(namespace, { egress: database }, 'proof');
    await approve(proof);
    await becomes(namespace, 'Active', 'proof');

    await becomes(namespace, 'AwaitingApproval');
    expect(await exceptionPolicy(scenario, namespace)).toBeUndefined();
  });

  test('is refused where a selecting baseline does not allow its kind, or allows less time', async () => {
    await using scenario = harness.scenario();
    await using other = harness.scenario();
    await scenario.baseline({
      networkPolicy: deny,
      exceptions: { allow: ['Egress', 'Quota'], maxDuration: '8h' },
    });
    const selector = { namespaceSelector: { matchLabels: scenario.label }, priority: 1 };
    await other.baseline({
      ...selector,
      networkPolicy: deny,
      exceptions: { allow: ['Egress'], maxDuration: '30m' },
    });
    const namespace = await scenario.namespace();
    await scenario.hardened();

    await approve(await ask(namespace, { quota: { hard: { pods: '20' } } }));
    const refused = await becomes(namespace, 'NotAllowed');
    await approve(await ask(namespace, { egress: database }, 'long'));
    const tooLong = await becomes(namespace, 'TooLong', 'long');

    expect(JSON.stringify(refused.status)).toContain(`baseline ${other.name} allows no exception for Quota`);
    expect(JSON.stringify(tooLong.status)).toContain(`baseline ${other.name} allows at most 30m`);
  });
});
