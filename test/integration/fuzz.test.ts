import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BaselineExceptionSpec, SecurityBaseline } from '../../src/api/types.generated.ts';
import { describeChange } from '../../src/diff/change-set.ts';
import { evaluate } from '../support/evaluation.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness, operatorUser } from '../support/operator-harness.ts';
import { someBaselines } from '../unit/baseline/arbitraries.ts';

let harness: OperatorHarness;

/** Given as FUZZ_SEED, so that a search can go on elsewhere; always the same here, so that a red build is a change's own doing. */
const seed = Number(process.env.FUZZ_SEED ?? 1);
const rounds = 6;

beforeAll(async () => {
  harness = await OperatorHarness.start({ flags: ['--removal-threshold', '100'] });
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
});

const relaxation = fc.constantFrom<Partial<BaselineExceptionSpec>>(
  { egress: [{ to: [{ ipBlock: { cidr: '10.1.2.3/32' } }], ports: [{ port: 5432, protocol: 'TCP' }] }] },
  { ingress: [{ from: [{ podSelector: {} }] }] },
  { quota: { hard: { cpu: '99' } } },
  { podSecurity: { enforce: 'privileged' } },
);

const allowance = fc.constantFrom(
  undefined,
  { allow: ['Egress', 'Ingress', 'Quota', 'PodSecurity'] as const },
  { allow: ['Quota', 'PodSecurity'] as const, maxDuration: '8h' },
);

/** Some baselines that ask for something, what each allows as exceptions, and one exception that is approved. */
const cases = fc.record({
  baselines: someBaselines.filter((baselines) => baselines.length > 0),
  allowances: fc.array(allowance, { minLength: 4, maxLength: 4 }),
  exception: relaxation,
});

function specOf(baseline: SecurityBaseline, exceptions: unknown, label: Readonly<Record<string, string>>) {
  const { networkPolicy, podSecurity, ...rest } = baseline.spec;
  const isEmpty = (section: object | undefined): boolean =>
    section === undefined || Object.keys(section).length === 0;
  return {
    ...rest,
    // What the API server refuses as empty is left out, and something is always there.
    ...(isEmpty(networkPolicy) ||
    networkPolicy?.policies?.length === 0 ||
    isEmpty(networkPolicy?.allow ?? { a: 1 })
      ? {}
      : { networkPolicy }),
    ...(isEmpty(podSecurity) || Object.keys(podSecurity ?? {}).join() === 'version' ? {} : { podSecurity }),
    defaultServiceAccount: { automountToken: false },
    ...(exceptions === undefined ? {} : { exceptions }),
    namespaceSelector: { matchLabels: label },
  };
}

/** Short enough for every baseline that allows the exception at all, so that it takes effect there. */
function inAnHour(): string {
  return new Date(Date.now() + 3_600_000).toISOString();
}

/** The status is about this namespace, too. */
async function eventuallyTold(target: {
  readonly kind: 'SecurityBaseline';
  readonly name: string;
}): Promise<void> {
  await eventually(
    async () =>
      expect((await harness.admin.get(target)).status).toMatchObject({ namespaces: { selected: 1 } }),
    { what: `${target.name} has a status` },
  );
}

async function eventuallyAsDesired(namespace: string): Promise<void> {
  await eventually(
    async () => {
      const { changes, clashes } = (await evaluate(harness.controlPlane.adminKubeconfig))(namespace);
      expect({ changes: changes.map(describeChange), clashes }).toEqual({ changes: [], clashes: [] });
    },
    { what: `${namespace} is what its baselines declare`, timeoutMs: 30_000 },
  );
}

describe(`random baselines and exceptions (seed ${seed})`, () => {
  test.each(fc.sample(cases, { seed, numRuns: rounds }).map((each, round) => [round, each] as const))(
    'round %i: are put in place, written once, and leave nothing behind',
    async (_round, { baselines, allowances, exception }) => {
      const scenario = harness.scenario();
      const targets = baselines.map(
        ({ metadata }) => ({ kind: 'SecurityBaseline', name: `${scenario.name}-${metadata.name}` }) as const,
      );
      const namespace = await scenario.namespace();
      try {
        for (const [index, target] of targets.entries()) {
          const spec = specOf(baselines[index] as SecurityBaseline, allowances[index], scenario.label);
          await harness.admin.create(target, { spec });
        }
        const asked = await harness.admin.create(
          { kind: 'BaselineException', namespace, name: 'asked' },
          { spec: { reason: 'needed for the test', expiresAt: inAnHour(), ...exception } },
        );
        const approval = { by: 'test', uid: asked.metadata.uid, generation: 1 };
        await harness.admin.mergePatch(
          { kind: 'BaselineException', namespace, name: 'asked' },
          { status: { approval } },
          'status',
        );
        await eventuallyAsDesired(namespace);
        for (const target of targets) await eventuallyTold(target);
        await harness.stopOperator();
        await eventuallyAsDesired(namespace);

        const mark = await harness.audit.mark();
        const operator = await harness.startOperator();
        await eventually(() => operator.log.some(({ message }) => message === 'every namespace looked at'), {
          what: 'the second pass is done',
        });
        const written = (await harness.audit.writesBy(operatorUser, mark)).filter(
          (write) => !write.includes('/status'),
        );
        expect(written).toEqual([]);

        for (const target of targets) await harness.admin.delete(target);
        await harness.admin.delete({ kind: 'BaselineException', namespace, name: 'asked' });
        await eventually(() => expectNothingOfOurs(namespace), {
          what: 'nothing of ours is left',
          timeoutMs: 30_000,
        });
      } finally {
        for (const target of targets) await harness.admin.delete(target);
        await harness.admin.delete({ kind: 'Namespace', name: namespace });
      }
    },
  );
});

async function expectNothingOfOurs(namespace: string): Promise<void> {
  expect(await harness.managedObjects(namespace)).toEqual([]);
  const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
  const keys = Object.keys({ ...metadata.labels, ...metadata.annotations });
  expect(keys.filter((key) => key.includes('securitybaseline.io') || key.startsWith('pod-security'))).toEqual(
    [],
  );
  const account = await harness.admin.get({ kind: 'ServiceAccount', namespace, name: 'default' });
  expect(account).not.toHaveProperty('automountServiceAccountToken');
}
