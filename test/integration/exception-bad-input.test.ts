import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OperatorHarness } from '../support/operator-harness.ts';
import type { Body, ServedObject } from '../support/rest-client.ts';

// What the API server says to those who ask for something wrong. No operator runs.
let harness: OperatorHarness;
beforeAll(async () => {
  harness = await OperatorHarness.install();
});
afterAll(() => harness[Symbol.asyncDispose]());

const reason = 'the migration reads the old database';
const egress = [{ to: [{ ipBlock: { cidr: '10.1.2.3/32' } }], ports: [{ port: 5432 }] }];
const timeFix = 'must be a time by RFC 3339 with its zone, such as 2027-01-31T18:00:00Z';

function target(namespace: string) {
  return { kind: 'BaselineException', namespace, name: 'legacy' } as const;
}

async function ask(namespace: string, relaxation: Body): Promise<ServedObject> {
  const spec = { reason, expiresAt: '2027-01-31T18:00:00Z', ...relaxation };
  return await harness.admin.create(target(namespace), { spec });
}

describe('an exception', () => {
  test('cannot be changed, nor approve itself when it is created', async () => {
    await using scenario = harness.scenario();
    const namespace = await scenario.namespace();
    const asked = await harness.admin.create(target(namespace), {
      spec: { reason, expiresAt: '2027-01-31T18:00:00Z', egress },
      status: { approval: { by: 'me', uid: 'x', generation: 1 } },
    });
    expect(asked.status).toEqual({ observedGeneration: -1 });

    await expect(
      harness.admin.mergePatch(target(namespace), { spec: { expiresAt: '2027-02-01T18:00:00Z' } }),
    ).rejects.toThrow('an exception cannot be changed, since it was approved as it is');
  });

  test.each([
    'tomorrow',
    '2027-01-31',
    '2027-01-31T18:00:00',
    '2027-01-31T18:00:00+99:99',
    '2027-01-31T18:00:00ZTfoo',
    '2027-01-31T18:00:00x5Z',
    '2027-01-31T18:00:00.Z',
    '2027-01-31T24:00:00Z',
    '2027-01-31T18:00:60Z',
    '2027-02-29T18:00:00Z',
    '2027-13-31T18:00:00Z',
    '0000-00-00T00:00:00Z',
    // These a timestamp() of CEL takes, and we would not.
    '2027-01-31T8:00:00Z',
    '2027-01-31T18:00:00,5Z',
    '2027-01-31T18:00:00+24:00',
  ])('is refused when its end is no time: %j', async (expiresAt) => {
    const asking = ask('default', { egress, expiresAt });
    await expect(asking).rejects.toThrow('spec.expiresAt');
    await expect(asking).rejects.toThrow(timeFix);
  });

  test.each(['2028-02-29T18:00:00Z', '2027-01-31T18:00:00.5+05:45'])('may end at %s', async (expiresAt) => {
    await using scenario = harness.scenario();
    await ask(await scenario.namespace(), { egress, expiresAt });
  });

  test('is not approved at what is no time', async () => {
    await using scenario = harness.scenario();
    const asked = await ask(await scenario.namespace(), { egress });
    const approving = harness.admin.mergePatch(
      target(asked.metadata.namespace ?? ''),
      {
        status: {
          approval: {
            by: 'security',
            uid: asked.metadata.uid,
            generation: 1,
            at: '2027-01-31T18:00:00+99:99',
          },
        },
      },
      'status',
    );
    await expect(approving).rejects.toThrow('status.approval.at');
    await expect(approving).rejects.toThrow(timeFix);
  });

  test.each([
    ['asks for nothing', {}, 'this exception asks for nothing: give at least one of egress, ingress, quota'],
    [
      'has a rule whose peers are misspelt',
      { egress: [{ ports: [{ port: 1 }] }] },
      'give to (check its spelling), or anyPeer: true',
    ],
    ['has a reason too short to be one', { egress, reason: 'because' }, 'spec.reason'],
    [
      'names an image registry in upper case',
      { images: { registries: ['Docker.IO/x'] } },
      'must be the beginning of an image name in lower case',
    ],
    [
      'asks for a quota that is no quantity',
      { quota: { hard: { pods: 'many' } } },
      'must be a quantity that is not negative',
    ],
    ['asks for a level that does not exist', { podSecurity: { enforce: 'lax' } }, 'spec.podSecurity.enforce'],
    ['has an unknown field', { egress, scope: 'all' }, 'unknown field "spec.scope"'],
  ])('is refused when it %s', async (_what, relaxation, message) => {
    await expect(ask('default', relaxation)).rejects.toThrow(message);
  });
});
