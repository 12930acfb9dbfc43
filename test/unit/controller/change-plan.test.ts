import { expect, test } from 'vitest';
import { heldOf } from '../../../src/controller/change-plan.ts';
import { lossesOf } from '../../../src/controller/losses.ts';
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

async function held(...changes: Change[]) {
  const asked: string[] = [];
  const uids = await heldOf(lossesOf(desiredBy(['tenant']), namespace(), changes), namespace(), {
    gate: {
      mayLose: async ({ uid }) => {
        asked.push(uid);
        return false;
      },
    },
    lookAgain: () => undefined,
  });
  return { uids: [...uids], asked };
}

test('what we wrote is asked about; what stands in place of it is no loss, though it says that it is of a baseline that is gone', async () => {
  const ours: Change = { action: 'delete', observed: policy('gone.default-deny', 'uid-of-gone') };
  const labelled: Change = {
    action: 'delete',
    observed: policy('tenant.allow-internet', 'uid-of-other'),
    why: 'impostor',
  };
  const bare: Change = {
    action: 'delete',
    observed: policy('tenant.allow-nodes', undefined),
    why: 'impostor',
  };
  expect(await held(ours, labelled, bare)).toEqual({ uids: ['uid-of-gone'], asked: ['uid-of-gone'] });
});

test('a binding without our labels that is withdrawn is no loss of anything', async () => {
  const withdrawn: Change = { action: 'delete', observed: policy('tenant.app', undefined) };
  expect(await held(withdrawn)).toEqual({ uids: [], asked: [] });
});

test('the annotation that names who labelled is no loss while no label goes: anybody may write it', async () => {
  const marks = { ...namespace().marks, podSecurityBy: 'made-up,too' };
  const label = (loses: boolean): Change => ({ action: 'label', labels: {}, annotations: {}, loses });
  const by = (loses: boolean) =>
    lossesOf(desiredBy(['tenant']), { ...namespace(), marks }, [label(loses)]).map(({ uid }) => uid);
  expect(by(false)).toEqual([]);
  expect(by(true)).toEqual(['made-up', 'too']);
});

test('made-up baselines are asked about a few at a time; the others stay until later', async () => {
  const changes = Array.from({ length: 1_000 }, (_, index): Change => {
    return { action: 'delete', observed: policy('gone.default-deny', `made-up-${index}`) };
  });
  const { uids, asked } = await held(...changes);
  expect(asked.length).toBe(64);
  expect(uids.length).toBe(1_000);
});

test('labels are as old as our last apply: the annotation does not say when', () => {
  const time = '2026-01-01T00:00:05Z';
  const labelled = namespace({
    annotations: { 'securitybaseline.io/pod-security-by': 'uid-of-gone' },
    managedFields: [{ manager: 'security-baseline-operator', operation: 'Apply', time }],
  });
  const label: Change = { action: 'label', labels: {}, annotations: {}, loses: true };
  expect(lossesOf(desiredBy(['tenant']), labelled, [label])).toEqual([
    { uid: 'uid-of-gone', name: '', createdAt: Date.parse(time) },
  ]);
});
