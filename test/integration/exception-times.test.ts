import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness, operatorUser } from '../support/operator-harness.ts';
import type { ServedObject } from '../support/rest-client.ts';
import type { Condition } from '../support/scenario.ts';

// What was stored before the CRD refused it. An end such as this one passes as a `date-time`, and is no time.
const noTime = '2027-01-01T10:00:00+99:99';

let harness: OperatorHarness;
beforeAll(async () => {
  harness = await OperatorHarness.start();
});
afterAll(() => harness[Symbol.asyncDispose]());

function exception(namespace: string, name: string) {
  return { kind: 'BaselineException', namespace, name } as const;
}

async function ask(namespace: string, name: string, expiresAt: string): Promise<ServedObject> {
  const spec = { reason: 'the migration reads the old database', expiresAt, quota: { hard: { pods: '20' } } };
  return await harness.admin.create(exception(namespace, name), { spec });
}

async function becomes(namespace: string, name: string, reason: string): Promise<Condition | undefined> {
  return await eventually(
    async () => {
      const { status } = await harness.admin.get(exception(namespace, name));
      const { conditions = [] } = status as { conditions?: readonly Condition[] };
      const active = conditions.find(({ type }) => type === 'Active');
      if (active?.reason !== reason) throw new Error(JSON.stringify(status));
      return active;
    },
    { what: `exception ${name} is ${reason}` },
  );
}

/** Serves times of exceptions as an older CRD did; as this one does when it goes out of scope. */
async function olderCrd(): Promise<AsyncDisposable> {
  const target = {
    kind: 'CustomResourceDefinition',
    name: 'baselineexceptions.securitybaseline.io',
  } as const;
  const { spec } = await harness.admin.get(target);
  const older = JSON.parse(JSON.stringify(spec), (key, value: unknown) =>
    key === 'expiresAt' && typeof value === 'object'
      ? { type: 'string', format: 'date-time', maxLength: 40 }
      : value,
  ) as unknown;
  const serve = async (content: unknown, isRefused: boolean): Promise<void> => {
    const current = await harness.admin.get(target);
    await harness.admin.replace({ ...current, kind: target.kind, spec: content });
    await eventually(
      async () => {
        const trial = {
          spec: { reason: 'only for trial', expiresAt: noTime, quota: { hard: { pods: '1' } } },
        };
        const asking = harness.admin.create(exception('default', 'trial'), trial, { dryRun: 'All' });
        expect(
          await asking.then(
            () => false,
            () => true,
          ),
        ).toBe(isRefused);
      },
      { what: `an end that is no time is ${isRefused ? 'refused' : 'accepted'}` },
    );
  };
  await serve(older, false);
  return { [Symbol.asyncDispose]: () => serve(spec, true) };
}

test('an end that was stored though it is none does no harm, and is said as soon as it can be', async () => {
  await using scenario = harness.scenario();
  await scenario.baseline({
    resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10' } } }],
    exceptions: { allow: ['Quota'] },
  });
  const namespace = await scenario.namespace();
  await scenario.hardened();
  {
    await using _ = await olderCrd();
    const mark = await harness.audit.mark();
    await ask(namespace, 'broken', noTime);
    // Under this CRD nobody can write its status. Others in the namespace are followed all the same.
    await eventually(
      () => harness.operator.log.some(({ message }) => message === 'exception status refused'),
      { what: 'the status is refused' },
    );
    for (const name of ['one', 'two', 'three']) {
      await ask(namespace, name, new Date(Date.now() + 3_600_000).toISOString());
      await becomes(namespace, name, 'AwaitingApproval');
    }
    const tries = (await harness.audit.writesBy(operatorUser, mark)).filter((write) =>
      write.includes('/broken/status'),
    );
    expect(tries).toHaveLength(1);
    await scenario.hardened();
  }
  await harness.startOperator();
  const active = await becomes(namespace, 'broken', 'Expired');
  expect(active?.message).toContain('spec.expiresAt is no time such as 2027-01-31T18:00:00Z');
});
