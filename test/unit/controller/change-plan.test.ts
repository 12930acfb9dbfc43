import { expect, test } from 'vitest';
import { planOf } from '../../../src/controller/change-plan.ts';
import type { Change } from '../../../src/diff/change-set.ts';
import { namespace, observed, rival } from '../diff/fixtures.ts';
import { desiredBy } from './fixtures.ts';

/** A policy that carries our labels, or none where no UID is given. */
function policy(name: string, uid: string | undefined) {
  const labels = {
    'app.kubernetes.io/managed-by': 'security-baseline-operator',
    'securitybaseline.io/baseline': 'gone',
    ...(uid === undefined ? {} : { 'securitybaseline.io/baseline-uid': uid }),
  };
  return observed('NetworkPolicy', { metadata: { name, labels, managedFields: [rival] } });
}

async function plan(...changes: Change[]) {
  const asked: string[] = [];
  const { now, held } = await planOf(changes, desiredBy(['tenant']), namespace(), {
    gate: {
      mayLose: async ({ uid }) => {
        asked.push(uid);
        return false;
      },
    },
    rivals: { waitFor: () => 0 },
    lookAgain: () => undefined,
  });
  return { now, held, asked };
}

test('what stands in place of ours goes at once, though it says that it is of a baseline whose removal is held', async () => {
  const ours: Change = { action: 'delete', observed: policy('gone.default-deny', 'uid-of-gone') };
  const labelled: Change = {
    action: 'delete',
    observed: policy('tenant.allow-internet', 'uid-of-gone'),
    why: 'impostor',
  };
  const bare: Change = {
    action: 'delete',
    observed: policy('tenant.allow-nodes', undefined),
    why: 'impostor',
  };
  const { now, held, asked } = await plan(ours, labelled, bare);
  expect(now).toEqual([labelled, bare]);
  expect(held).toEqual([ours]);
  expect(asked).toEqual(['uid-of-gone']);
});

test('a binding without our labels that is withdrawn is no loss of anything', async () => {
  const withdrawn: Change = { action: 'delete', observed: policy('tenant.app', undefined) };
  const { now, asked } = await plan(withdrawn);
  expect(now).toEqual([withdrawn]);
  expect(asked).toEqual([]);
});
