import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Store } from '../../../src/runtime/store.ts';
import { changesOf, contentOf, type Thing, type ThingRecord, thing, thingStore } from './objects.ts';

let store: Store<ThingRecord, Thing>;
let told: string[];

beforeEach(() => {
  store = thingStore();
  told = changesOf(store);
});

describe('reading', () => {
  test('finds records by namespace and name, and cluster-scoped ones under no namespace', () => {
    store.swap([thing('tenant/a', 1), thing('tenant/b', 2), thing('other/a', 3), thing('node', 4)], '4');
    expect(store.size).toBe(4);
    expect(store.get('tenant', 'b')?.resourceVersion).toBe('2');
    expect(store.get('', 'node')?.resourceVersion).toBe('4');
    expect(store.get('tenant', 'c')).toBeUndefined();
    expect(Array.from(store.inNamespace('tenant'), (record) => record.name).sort()).toEqual(['a', 'b']);
    expect([...store.inNamespace('nowhere')]).toEqual([]);
    expect([...store.namespaces()].sort()).toEqual(['', 'other', 'tenant']);
  });

  test('holds one record or thousands in a namespace, and forgets a namespace that becomes empty', () => {
    const names = Array.from({ length: 2_000 }, (_, index) => `tenant/thing-${index}`);
    for (const [index, name] of names.entries()) store.apply('ADDED', thing(name, index + 1));
    expect(store.size).toBe(2_000);
    for (const [index, name] of names.entries()) {
      expect(store.get('tenant', `thing-${index}`)).toBeDefined();
      store.apply('DELETED', thing(name, index + 2_001));
      expect(store.get('tenant', `thing-${index}`)).toBeUndefined();
    }
    expect(store.size).toBe(0);
    expect([...store.namespaces()]).toEqual([]);
  });

  test('leaves out what is not of interest, also when it only becomes so', () => {
    store.apply('ADDED', thing('tenant/a', 1));
    store.apply('ADDED', thing('tenant/b', 2, { spec: 'boring' }));
    store.apply('MODIFIED', thing('tenant/a', 3, { spec: 'boring' }));
    expect(contentOf(store)).toEqual([]);
    expect(told).toEqual(['added tenant/a', 'deleted tenant/a']);
  });

  test('shows a change before it tells of it', () => {
    const seen: (string | undefined)[] = [];
    store.onChange(() => seen.push(store.get('tenant', 'a')?.spec));
    store.apply('ADDED', thing('tenant/a', 1, { spec: 'one' }));
    store.swap([thing('tenant/a', 2, { spec: 'two' })], '2');
    store.apply('DELETED', thing('tenant/a', 3));
    expect(seen).toEqual(['one', 'two', undefined]);
  });
});

describe('events', () => {
  test('tell only of what matters', () => {
    store.apply('ADDED', thing('tenant/a', 1));
    store.apply('MODIFIED', thing('tenant/a', 2, { status: 'busy' }));
    store.apply('MODIFIED', thing('tenant/a', 3, { spec: 'other' }));
    store.apply('DELETED', thing('tenant/a', 4));
    expect(told).toEqual(['added tenant/a', 'changed tenant/a', 'deleted tenant/a']);
  });

  test('keep the version of a change that does not matter, for use as a precondition', () => {
    store.apply('ADDED', thing('tenant/a', 1));
    store.apply('MODIFIED', thing('tenant/a', 2, { status: 'busy' }));
    expect(store.get('tenant', 'a')?.resourceVersion).toBe('2');
  });

  test('older than what is known are ignored, also where the numbers have different lengths', () => {
    store.apply('ADDED', thing('tenant/a', 100, { spec: 'new' }));
    store.apply('MODIFIED', thing('tenant/a', 99, { spec: 'old' }));
    store.apply('DELETED', thing('tenant/a', 99));
    expect(contentOf(store)).toEqual(['tenant/a=new']);
  });

  test('are compared exactly beyond the safe integers', () => {
    store.apply('ADDED', thing('tenant/a', '9007199254740992', { spec: 'old' }));
    store.apply('MODIFIED', thing('tenant/a', '9007199254740993', { spec: 'new' }));
    expect(contentOf(store)).toEqual(['tenant/a=new']);
  });

  test('that are repeated do not bring a deleted object back', () => {
    store.apply('ADDED', thing('tenant/a', 1));
    store.apply('DELETED', thing('tenant/a', 2));
    store.apply('ADDED', thing('tenant/a', 1));
    expect(contentOf(store)).toEqual([]);
  });

  test('of a predecessor do not delete an object created anew', () => {
    store.apply('ADDED', thing('tenant/a', 1, { uid: 'first' }));
    store.observe(thing('tenant/a', 3, { uid: 'second' }));
    store.apply('DELETED', thing('tenant/a', 2, { uid: 'first' }));
    expect(store.get('tenant', 'a')?.uid).toBe('second');
  });

  test('that cannot be projected change nothing, so that they come again', () => {
    store.apply('ADDED', thing('tenant/a', 1));
    const broken = Object.defineProperty(thing('tenant/a', 2), 'spec', {
      get: () => {
        throw new Error('no spec');
      },
    });
    expect(() => store.apply('MODIFIED', broken)).toThrow('no spec');
    store.apply('MODIFIED', thing('tenant/a', 2, { spec: 'mended' }));
    expect(contentOf(store)).toEqual(['tenant/a=mended']);
  });
});

describe("one's own writes", () => {
  test('are seen at once, and their echo is no news', () => {
    expect(store.observe(thing('tenant/a', 5))).toMatchObject({ type: 'added' });
    expect(contentOf(store)).toEqual(['tenant/a=spec']);
    store.apply('ADDED', thing('tenant/a', 5));
    expect(told).toEqual([]);
  });

  test('do not hide a later change by somebody else', () => {
    store.observe(thing('tenant/a', 5));
    store.apply('ADDED', thing('tenant/a', 5));
    store.apply('MODIFIED', thing('tenant/a', 6, { spec: 'theirs' }));
    expect(told).toEqual(['changed tenant/a']);
  });

  test('hide an earlier change by somebody else that they have overwritten', () => {
    store.apply('ADDED', thing('tenant/a', 1));
    store.observe(thing('tenant/a', 3));
    store.apply('MODIFIED', thing('tenant/a', 2, { spec: 'theirs' }));
    expect(contentOf(store)).toEqual(['tenant/a=spec']);
    expect(told).toEqual(['added tenant/a']);
  });

  test('whose response is late do not bring back what was deleted meanwhile', () => {
    store.apply('ADDED', thing('tenant/a', 1));
    store.apply('MODIFIED', thing('tenant/a', 2));
    store.apply('DELETED', thing('tenant/a', 3));
    expect(store.observe(thing('tenant/a', 2))).toBeUndefined();
    expect(contentOf(store)).toEqual([]);
  });

  test('whose response is late do not undo what a bookmark has gone past', () => {
    store.advance('10');
    expect(store.observe(thing('tenant/a', 7))).toBeUndefined();
    expect(store.size).toBe(0);
  });

  test('of a part tell what others have changed in the rest, whose event will be no news', () => {
    store.apply('ADDED', thing('tenant/a', 1));
    store.observeShared(thing('tenant/a', 3, { spec: 'theirs', status: 'ours' }));
    store.apply('MODIFIED', thing('tenant/a', 2, { spec: 'theirs' }));
    store.apply('MODIFIED', thing('tenant/a', 3, { spec: 'theirs', status: 'ours' }));
    expect(contentOf(store)).toEqual(['tenant/a=theirs']);
    expect(told).toEqual(['added tenant/a', 'changed tenant/a']);
  });

  test('of a part tell nothing where the rest is as it was', () => {
    store.apply('ADDED', thing('tenant/a', 1));
    store.observeShared(thing('tenant/a', 2, { status: 'ours' }));
    expect(told).toEqual(['added tenant/a']);
  });
});

describe('a relist', () => {
  test('finds deletions, additions and changes that happened during a gap', () => {
    store.swap([thing('tenant/kept', 1), thing('tenant/gone', 2), thing('tenant/edited', 3)], '3');
    told.length = 0;
    store.swap(
      [thing('tenant/kept', 1), thing('tenant/edited', 8, { spec: 'other' }), thing('tenant/new', 9)],
      '10',
    );
    expect(told.sort()).toEqual(['added tenant/new', 'changed tenant/edited', 'deleted tenant/gone']);
    expect(store.reached).toBe('10');
  });

  test('tells nothing when nothing differs', () => {
    store.swap([thing('tenant/a', 1)], '1');
    told.length = 0;
    store.swap([thing('tenant/a', 4, { status: 'busy' })], '5');
    expect(told).toEqual([]);
  });

  test('shows nothing of itself before it is complete', () => {
    store.swap([thing('tenant/a', 1)], '1');
    const relist = store.beginRelist();
    relist.add(thing('tenant/b', 2));
    expect(contentOf(store)).toEqual(['tenant/a=spec']);
    relist.commit('2');
    expect(contentOf(store)).toEqual(['tenant/b=spec']);
  });

  test('keeps what was written after it began', () => {
    const relist = store.beginRelist();
    relist.add(thing('tenant/a', 3, { spec: 'before' }));
    store.observe(thing('tenant/a', 6, { spec: 'written' }));
    store.observe(thing('tenant/b', 7));
    relist.commit('5');
    expect(contentOf(store)).toEqual(['tenant/a=written', 'tenant/b=spec']);
  });

  test('does not keep what was written after it began where the list shows something newer', () => {
    const relist = store.beginRelist();
    store.observe(thing('tenant/a', 6, { spec: 'written' }));
    store.observe(thing('tenant/b', 7));
    relist.add(thing('tenant/a', 8, { spec: 'theirs' }));
    relist.commit('9');
    expect(contentOf(store)).toEqual(['tenant/a=theirs']);
  });

  test('keeps nothing that was deleted, or lost its interest, before it was complete', () => {
    const relist = store.beginRelist();
    for (const name of ['a', 'b', 'c']) relist.add(thing(`tenant/${name}`, 1));
    store.observe(thing('tenant/d', 6));
    relist.remove(thing('tenant/a', 7));
    relist.add(thing('tenant/b', 8, { spec: 'boring' }));
    relist.remove(thing('tenant/d', 9));
    relist.commit('10');
    expect(contentOf(store)).toEqual(['tenant/c=spec']);
  });

  test('keeps what was made again after it was deleted', () => {
    const relist = store.beginRelist();
    relist.add(thing('tenant/a', 1));
    relist.remove(thing('tenant/a', 7));
    relist.add(thing('tenant/a', 8, { spec: 'again' }));
    relist.commit('10');
    expect(contentOf(store)).toEqual(['tenant/a=again']);
  });

  test('whose later pages are newer than its version keeps those', () => {
    const relist = store.beginRelist();
    store.observe(thing('tenant/a', 6, { spec: 'written' }));
    relist.add(thing('tenant/a', 8, { spec: 'theirs' }));
    relist.commit('5');
    expect(contentOf(store)).toEqual(['tenant/a=theirs']);
  });

  test('wins where the versions of the server went backwards', () => {
    store.swap([thing('tenant/a', 90), thing('tenant/lost', 95)], '100');
    store.observe(thing('tenant/lost-write', 101));
    store.swap([thing('tenant/a', 40, { spec: 'restored' })], '50');
    expect(contentOf(store)).toEqual(['tenant/a=restored']);
    store.apply('MODIFIED', thing('tenant/a', 51, { spec: 'later' }));
    expect(contentOf(store)).toEqual(['tenant/a=later']);
  });

  test('forgets the writes of one that was given up', () => {
    store.beginRelist();
    store.observe(thing('tenant/a', 60));
    store.beginRelist().commit('50');
    expect(contentOf(store)).toEqual([]);
  });
});

describe('listeners', () => {
  test('are told no more once they have ended', () => {
    const listener = vi.fn();
    const end = store.onChange(listener);
    end();
    store.apply('ADDED', thing('tenant/a', 1));
    expect(listener).not.toHaveBeenCalled();
  });

  test('that throw end the process, after the others were told', () => {
    const toBeThrown: (() => void)[] = [];
    const queueMicrotask = vi.spyOn(globalThis, 'queueMicrotask');
    queueMicrotask.mockImplementation((callback) => toBeThrown.push(callback));
    store = thingStore();
    store.onChange(() => {
      throw new Error('a bug');
    });
    told = changesOf(store);
    store.apply('ADDED', thing('tenant/a', 1));
    queueMicrotask.mockRestore();
    expect(told).toEqual(['added tenant/a']);
    expect(toBeThrown).toHaveLength(1);
    expect(toBeThrown[0]).toThrow('a bug');
  });
});
