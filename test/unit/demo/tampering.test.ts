import { beforeEach, describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../../../src/api/objects.ts';
import { find } from '../../../tools/demo/expected.ts';
import { Observer } from '../../../tools/demo/observer.ts';
import { type Hands, type Tampering, tamperAndWait, tamperings } from '../../../tools/demo/tampering.ts';
import { hardened } from './hardened.ts';

/** Answers each write; what the watch shows is up to the test. */
const hands: Hands = {
  create: async () => '200',
  merge: async () => '200',
  apply: async () => '200',
  delete: async () => undefined,
};

let observer: Observer;
beforeEach(() => {
  observer = new Observer(new AbortController().signal);
  for (const namespace of ['shop', 'billing', 'search', 'playground']) {
    for (const object of hardened(namespace)) observer.observe('ADDED', object);
  }
});

function tell({ namespace, target, reason }: Tampering, name = 'news'): void {
  observer.observe('ADDED', {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    reason,
    regarding: target,
    note: `about ${target.name}`,
  });
}

/** The object put back: another one after a deletion, else a later version of the same. */
function repaired({ namespace, target }: Tampering): KubernetesObject {
  const object = find(observer, namespace, target);
  if (object === undefined) throw new Error(`${target.name} was there`);
  return { ...object, metadata: { ...object.metadata, uid: 'another', resourceVersion: '201' } };
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const later = new Promise((resolve) => setImmediate(resolve, 'later'));
  return (await Promise.race([promise, later])) !== 'later';
}

describe.each(tamperings.map((tampering) => [tampering.outcome, tampering] as const))(
  '%s',
  (_, tampering) => {
    test('counts once it is repaired and its tenant was told', async () => {
      const repair = tamperAndWait(hands, observer, tampering);
      expect(await isSettled(repair)).toBe(false);
      observer.observe('MODIFIED', repaired(tampering));
      expect(await isSettled(repair)).toBe(false);
      tell(tampering);
      expect(await repair).toMatchObject({ note: `about ${tampering.target.name}` });
    });

    test('does not count while the watch shows what was before', async () => {
      tell(tampering, 'from an earlier time');
      const repair = tamperAndWait(hands, observer, tampering);
      tell(tampering);
      expect(await isSettled(repair)).toBe(false);
      observer.observe('MODIFIED', repaired(tampering));
      expect(await isSettled(repair)).toBe(true);
    });
  },
);
