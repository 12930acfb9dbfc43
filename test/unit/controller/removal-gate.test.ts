import { beforeEach, describe, expect, test } from 'vitest';
import type { SecurityBaseline } from '../../../src/api/types.generated.ts';
import type { Loss } from '../../../src/controller/losses.ts';
import { type CrdState, RemovalGate } from '../../../src/controller/removal-gate.ts';
import type { CarriedRemovals } from '../../../src/controller/removal-holds.ts';
import { FakeClock } from '../runtime/fake-clock.ts';

const threshold = 3;
const windowMs = 60_000;
const five = ['a', 'b', 'c', 'd', 'e'];
const soundCrd: CrdState = { isTerminating: false, createdAt: 0 };

let clock: FakeClock;
let baselines: Map<string, SecurityBaseline>;
/** What would be lost now. */
let losing: Map<string, Set<string>>;
let deleted: Set<string>;
let asked: Set<string>;
let crd: CrdState | undefined;
let counts: number;
let isLeading: boolean;
let crdReads: number;
let lookedAgain: string[];
let gate: RemovalGate;

beforeEach(() => {
  clock = new FakeClock();
  baselines = new Map();
  losing = new Map();
  deleted = new Set();
  asked = new Set();
  crd = soundCrd;
  counts = 0;
  isLeading = true;
  crdReads = 0;
  lookedAgain = [];
  gate = start();
});

/** A gate that takes over from another, as after a restart. */
function start(carried?: CarriedRemovals): RemovalGate {
  const started = new RemovalGate({
    clock,
    threshold,
    windowMs,
    baseline: (uid) => baselines.get(uid),
    losing: () => {
      counts += 1;
      return losing;
    },
    isThere: (namespace) => !deleted.has(namespace),
    isLosing: (uid, namespace) => losing.get(uid)?.has(namespace) === true,
    readCrd: async () => {
      crdReads += 1;
      return crd;
    },
    isConfirmed: (uid) => asked.has(uid),
    isLeading: () => isLeading,
    lookAgain: (namespaces) => lookedAgain.push(...namespaces),
    onChange: () => undefined,
  });
  started.restore(carried);
  return started;
}

function loss(uid = 'tenant'): Loss {
  return { uid, name: uid, createdAt: 1 };
}

/** These would lose what the baseline gave, and no others. */
function lose(namespaces: readonly string[], uid = 'tenant'): void {
  losing.set(uid, new Set(namespaces));
}

/** Each namespace asks; where it may, it loses it. */
async function ask(namespaces: readonly string[], uid = 'tenant'): Promise<readonly boolean[]> {
  const answers: boolean[] = [];
  for (const namespace of namespaces) answers.push(await gate.mayLose(loss(uid), namespace));
  return answers;
}

async function strip(namespaces: readonly string[], uid = 'tenant'): Promise<void> {
  expect(await ask(namespaces, uid)).toEqual(namespaces.map(() => true));
  for (const namespace of namespaces) losing.get(uid)?.delete(namespace);
  await clock.advance(1_000);
  gate.reconsider();
}

/** The baseline at this generation, with the confirmation that its annotation gives. */
function exists(generation: number, confirmed?: number, deletionTimestamp?: string): void {
  const annotations =
    confirmed === undefined ? {} : { 'securitybaseline.io/confirm-removal': String(confirmed) };
  const metadata = { name: 'tenant', uid: 'tenant', generation, annotations, deletionTimestamp };
  baselines.set('tenant', { metadata } as unknown as SecurityBaseline);
}

describe('namespaces up to the threshold', () => {
  test('lose it, also while the others are still at it', async () => {
    lose(['a', 'b', 'c']);
    expect(await ask(['a', 'b', 'c'])).toEqual([true, true, true]);
  });

  test('may take several passes each', async () => {
    lose(['a', 'b', 'c']);
    expect(await ask(['a', 'b', 'c', 'a', 'a', 'b', 'c'])).not.toContain(false);
    expect(gate.holds.size).toBe(0);
  });
});

describe('more namespaces', () => {
  test('are held when they lose it together', async () => {
    lose(['a', 'b', 'c', 'd']);
    expect(await ask(['a', 'b', 'c', 'd'])).toEqual([false, false, false, false]);
    expect(gate.holds.get('tenant')).toEqual({
      uid: 'tenant',
      name: 'tenant',
      reason: 'ManyNamespaces',
      namespaces: 4,
    });
  });

  test('are held when they lose it one after the other within the window, and not when it takes longer', async () => {
    for (const namespace of ['a', 'b', 'c']) {
      lose([namespace]);
      await strip([namespace]);
    }
    lose(['d']);
    expect(await ask(['d'])).toEqual([false]);
    lose([]);
    gate.reconsider();
    await clock.advance(windowMs);
    lose(['d']);
    expect(await ask(['d'])).toEqual([true]);
  });

  test('count from when they lost it last: one that loses it again does not keep the others in the window', async () => {
    lose(['a', 'b', 'c']);
    await ask(['a', 'b', 'c']);
    await clock.advance(windowMs / 2);
    await ask(['a']);
    lose([]);
    await clock.advance(windowMs / 2);
    for (const namespace of ['d', 'e']) {
      lose([namespace]);
      await strip([namespace]);
    }
    lose(['f']);
    expect(await ask(['f'])).toEqual([false]);
  });

  test('are held when they lose different baselines together', async () => {
    lose(['a', 'b'], 'x');
    lose(['c', 'd'], 'y');
    expect(await ask(['a', 'b'], 'x')).toEqual([false, false]);
    expect(await ask(['c', 'd'], 'y')).toEqual([false, false]);
    expect(gate.holds.get('x')).toMatchObject({ reason: 'ManyNamespaces', namespaces: 2, ofAll: 4 });
  });

  test('of different baselines are let go when the others that made them many are undone', async () => {
    lose(['a', 'b', 'c'], 'one');
    lose(['d', 'e'], 'two');
    expect(await ask(['a'], 'one')).toEqual([false]);
    expect(await ask(['d'], 'two')).toEqual([false]);
    await clock.advance(10_000);
    expect([...gate.holds.keys()]).toEqual(['one', 'two']);
    lose([], 'one');
    await clock.advance(10_000);
    expect(gate.holds.size).toBe(0);
    expect(lookedAgain).toEqual(['d', 'e']);
    expect(await ask(['d', 'e'], 'two')).toEqual([true, true]);
  });

  test('that have been deleted since do not count', async () => {
    lose(['a', 'b', 'c']);
    await strip(['a', 'b', 'c']);
    deleted = new Set(['a', 'b', 'c']);
    lose(['d']);
    expect(await ask(['d'])).toEqual([true]);
  });

  test('count once each, however many baselines they lose', async () => {
    for (const uid of ['x', 'y', 'z']) lose(['a', 'b', 'c'], uid);
    for (const uid of ['x', 'y', 'z']) expect(await ask(['a', 'b', 'c'], uid)).not.toContain(false);
  });

  test('that have been held for long hold up nothing else', async () => {
    lose(five, 'x');
    await ask(['a'], 'x');
    lose(['f']);
    expect(await ask(['f'])).toEqual([false]);
    lose([]);
    await clock.advance(windowMs);
    lose(['g']);
    expect(await ask(['g'])).toEqual([true]);
    expect([...gate.holds.keys()]).toEqual(['x']);
  });

  test('whose removal is confirmed hold up nothing else', async () => {
    lose(five, 'x');
    await ask(['a'], 'x');
    asked.add('x');
    lose(['f']);
    await strip(five, 'x');
    expect(await ask(['f'])).toEqual([true]);
  });

  test('cost one count and one look at the CRD, however many ask', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => `ns-${index}`);
    lose(many);
    await ask(many);
    for (let flush = 0; flush < 60; flush += 1) {
      gate.reconsider();
      await ask(many.slice(0, 100));
    }
    expect({ counts, crdReads }).toEqual({ counts: 1, crdReads: 1 });
  });

  test('are counted anew in a while, and end by themselves once nobody would lose anything', async () => {
    lose(['a', 'b', 'c', 'd']);
    await ask(['a']);
    lose(five);
    await clock.advance(10_000);
    expect(gate.holds.get('tenant')).toMatchObject({ namespaces: 5 });
    lose([]);
    await clock.advance(10_000);
    expect(gate.holds.size).toBe(0);
    await clock.advance(10_000);
    expect(clock.pendingTimers).toBe(0);
  });
});

test('a replica that does not lead knows nothing of the fleet, and ends nothing', async () => {
  lose(five);
  await ask(['a']);
  isLeading = false;
  losing.clear();
  gate.reconsider();
  await clock.advance(60_000);
  expect(gate.holds.size).toBe(1);
});

describe('a confirmation', () => {
  async function confirmWhereListed(): Promise<void> {
    lose(five);
    await ask(['a']);
    asked.add('tenant');
    gate.reconsider();
    asked.clear();
  }

  test('is for all that were held, and has them looked at again', async () => {
    await confirmWhereListed();
    expect(gate.holds.size).toBe(0);
    expect(lookedAgain).toEqual(five);
    expect(await ask(five)).not.toContain(false);
  });

  test('saves the counting', async () => {
    await confirmWhereListed();
    counts = 0;
    for (const namespace of five) {
      expect(await ask([namespace])).toEqual([true]);
      await clock.advance(1_000);
    }
    expect(counts).toBe(0);
  });

  test('before anything is held is for nothing', async () => {
    asked.add('tenant');
    lose(five);
    expect(await ask(['a'])).toEqual([false]);
  });

  test('is for what the baseline said then, and not for its next edit', async () => {
    exists(2);
    await confirmWhereListed();
    expect(await ask(['a', 'b'])).toEqual([true, true]);
    exists(3);
    expect(await ask(['c'])).toEqual([false]);
  });

  test('that a namespace in the way keeps from its end spares no counting at the next edit', async () => {
    exists(2);
    await confirmWhereListed();
    await strip(['a', 'b', 'c', 'd']);
    exists(3);
    const answers: boolean[] = [];
    for (const namespace of ['f', 'g', 'h']) {
      lose(['e', namespace]);
      answers.push(...(await ask([namespace])));
      lose(['e']);
    }
    expect(answers).toEqual([true, true, false]);
  });

  test('ends with the removal: others that lose it later are asked for again', async () => {
    await confirmWhereListed();
    await strip(five);
    lose(['f', 'g', 'h', 'i', 'j']);
    expect(await ask(['f'])).toEqual([false]);
  });

  test('does not end while anything of the removal is left', async () => {
    await confirmWhereListed();
    await strip(['a', 'b', 'c', 'd']);
    lose(['e', 'f', 'g', 'h']);
    expect(await ask(['e', 'f', 'g', 'h'])).not.toContain(false);
  });

  test('on the baseline may come ahead, and is for one removal, though it stands there still', async () => {
    exists(5, 5);
    lose(five);
    await strip(five);
    lose(['f', 'g', 'h', 'i', 'j']);
    expect(await ask(['f'])).toEqual([false]);
    gate = start(gate.carried);
    gate.reconsider();
    expect(await ask(['f'])).toEqual([false]);
  });

  test('on the baseline is for a removal that needed none, too, and not for the next', async () => {
    exists(5, 5);
    lose(['a', 'b']);
    await strip(['a', 'b']);
    lose(five);
    expect(await ask(['c'])).toEqual([false]);
  });

  test('on the baseline counts anew at its next generation', async () => {
    exists(5, 5);
    lose(five);
    await strip(five);
    exists(6, 6);
    lose(['f', 'g', 'h', 'i', 'j']);
    expect(await ask(['f'])).toEqual([true]);
  });

  test('on the baseline is not for another generation', async () => {
    exists(5, 4);
    lose(five);
    expect(await ask(['a'])).toEqual([false]);
    gate.reconsider();
    expect(await ask(['a'])).toEqual([false]);
    exists(5, 5);
    gate.reconsider();
    expect(lookedAgain).toEqual(five);
  });

  test('holds over a restart in the midst of the removal, and ends with it', async () => {
    await confirmWhereListed();
    await strip(['a']);
    gate = start(gate.carried);
    await strip(['b', 'c', 'd', 'e']);
    expect(gate.carried.confirmed.size).toBe(0);
    lose(['f', 'g', 'h', 'i', 'j']);
    expect(await ask(['f'])).toEqual([false]);
  });
});

describe('a deletion that was allowed', () => {
  function deleteAllowed(): void {
    const annotations = { 'securitybaseline.io/allow-deletion': '5' };
    const metadata = { name: 'tenant', uid: 'tenant', generation: 5, annotations };
    gate.deleted({ metadata } as unknown as SecurityBaseline);
  }

  test('is confirmed, also before its consequences are known and over a restart', async () => {
    deleteAllowed();
    gate.reconsider();
    lose(five);
    await strip(['a']);
    gate = start(gate.carried);
    expect(await ask(['b', 'c', 'd', 'e'])).not.toContain(false);
  });

  test('waits for those that have to wait for their turn', async () => {
    deleteAllowed();
    lose(five);
    await clock.advance(60_000);
    gate.reconsider();
    expect(await ask(five)).not.toContain(false);
  });

  test('is forgotten where nobody lost anything', async () => {
    deleteAllowed();
    await clock.advance(60_000);
    gate.reconsider();
    lose(five);
    expect(await ask(['a'])).toEqual([false]);
  });
});

describe('the CRD', () => {
  test('that is gone or cannot be read holds everything; one namespace asks again, and the others follow', async () => {
    crd = undefined;
    lose(['a', 'b']);
    expect(await ask(['a', 'b'])).toEqual([false, false]);
    expect(gate.holds.get('tenant')).toMatchObject({ reason: 'BaselinesUnreadable', namespaces: 2 });
    expect(crdReads).toBe(1);
    await clock.advance(10_000);
    expect(lookedAgain).toEqual(['a']);
    crd = soundCrd;
    expect(await ask(['a'])).toEqual([true]);
    expect(lookedAgain).toEqual(['a', 'a', 'b']);
    expect(gate.holds.size).toBe(0);
  });

  test('that cannot be read for a while does not end what is held for another reason', async () => {
    lose(five);
    await ask(['a']);
    gate = start(gate.carried);
    crd = undefined;
    lose(['a', 'b']);
    expect(await ask(['a'])).toEqual([false]);
    crd = soundCrd;
    await clock.advance(10_000);
    expect(await ask(['a'])).toEqual([false]);
    expect(gate.holds.get('tenant')).toMatchObject({ reason: 'ManyNamespaces', namespaces: 2 });
  });

  test('is read for a baseline on its way out as for one that is gone', async () => {
    crd = { isTerminating: true, createdAt: 0 };
    exists(5, undefined, '2026-01-01T00:00:00Z');
    lose(['a']);
    expect(await ask(['a'])).toEqual([false]);
    expect(gate.holds.get('tenant')).toMatchObject({ reason: 'BaselinesUnreadable' });
  });

  test('is read anew for a baseline that was there again', async () => {
    lose(['a']);
    await ask(['a']);
    exists(1);
    await ask(['a']);
    baselines.clear();
    crd = undefined;
    expect(await ask(['a'])).toEqual([false]);
  });

  test('that is younger than what is to go holds it, until that is confirmed', async () => {
    crd = { isTerminating: false, createdAt: 2 };
    lose(['a', 'b']);
    expect(await ask(['a'])).toEqual([false]);
    expect(gate.holds.get('tenant')).toMatchObject({ reason: 'CrdRecreated' });
    expect(await gate.mayLose({ ...loss(), createdAt: 3 }, 'b')).toBe(false);
    asked.add('tenant');
    gate.reconsider();
    expect(await ask(['a', 'b'])).toEqual([true, true]);
  });
});
