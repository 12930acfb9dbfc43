import { beforeEach, describe, expect, test } from 'vitest';
import type { SecurityBaseline } from '../../../src/api/types.generated.ts';
import { type Loss, RemovalGate } from '../../../src/controller/removal-gate.ts';
import { FakeClock } from '../runtime/fake-clock.ts';

const threshold = 3;
const windowMs = 60_000;
const loss: Loss = { uid: 'a-uid', name: 'tenant', createdAt: 0 };

let clock: FakeClock;
let baseline: SecurityBaseline | undefined;
let losers: string[];
let isConfirmed: boolean;
let gate: RemovalGate;

beforeEach(() => {
  clock = new FakeClock();
  baseline = undefined;
  losers = [];
  isConfirmed = false;
  gate = new RemovalGate({
    clock,
    threshold,
    windowMs,
    baseline: () => baseline,
    losers: () => losers,
    readCrd: async () => ({ isTerminating: false, createdAt: 0 }),
    isConfirmed: () => isConfirmed,
    onChange: () => undefined,
  });
});

function generation(number: number): SecurityBaseline {
  return { metadata: { name: 'tenant', uid: loss.uid, generation: number } } as SecurityBaseline;
}

async function answers(...namespaces: readonly string[]): Promise<readonly boolean[]> {
  const given: boolean[] = [];
  for (const namespace of namespaces) given.push(await gate.mayLose(loss, namespace));
  return given;
}

describe('namespaces up to the threshold', () => {
  test('lose it, also while the others are still at it', async () => {
    losers = ['a', 'b', 'c'];
    expect(await answers('a', 'b', 'c')).toEqual([true, true, true]);
  });

  test('may take several passes each: what has begun goes on', async () => {
    losers = ['a', 'b', 'c'];
    await answers('a', 'b', 'c');
    expect(await answers('a', 'a', 'b', 'c', 'a')).toEqual([true, true, true, true, true]);
    expect(gate.holds.size).toBe(0);
  });
});

describe('more namespaces', () => {
  test('are held when they lose it together', async () => {
    losers = ['a', 'b', 'c', 'd'];
    expect(await answers('a', 'b', 'c', 'd')).toEqual([false, false, false, false]);
    expect(gate.holds.get(loss.uid)).toMatchObject({ reason: 'ManyNamespaces', namespaces: 4 });
  });

  test('are held when they lose it one after the other within the window, and not when it takes longer', async () => {
    for (const namespace of ['a', 'b', 'c']) {
      losers = [namespace];
      expect(await answers(namespace)).toEqual([true]);
      await clock.advance(2_000);
    }
    losers = ['d'];
    expect(await answers('d')).toEqual([false]);
    losers = [];
    gate.reconsider();
    await clock.advance(windowMs);
    losers = ['d'];
    expect(await answers('d')).toEqual([true]);
  });

  test('count from when they lost it last: one that loses it again does not keep the others in the window', async () => {
    losers = ['a', 'b', 'c'];
    await answers('a', 'b', 'c');
    await clock.advance(windowMs / 2);
    await answers('a');
    await clock.advance(windowMs / 2);
    losers = ['d'];
    expect(await answers('d')).toEqual([true]);
    losers = ['e'];
    await clock.advance(2_000);
    expect(await answers('e')).toEqual([true]);
    losers = ['f'];
    await clock.advance(2_000);
    expect(await answers('f')).toEqual([false]);
  });
});

describe('a confirmation', () => {
  test('is for all that were held, also after it has been taken off with the hold', async () => {
    losers = ['a', 'b', 'c', 'd', 'e'];
    await answers('a');
    isConfirmed = true;
    expect(await answers('a')).toEqual([true]);
    isConfirmed = false;
    expect(await answers('b', 'c', 'a', 'd', 'e')).toEqual([true, true, true, true, true]);
  });

  test('is for what the baseline said then, and not for its next edit', async () => {
    baseline = generation(2);
    losers = ['a', 'b', 'c', 'd'];
    await answers('a');
    isConfirmed = true;
    expect(await answers('a', 'b')).toEqual([true, true]);
    isConfirmed = false;
    expect(await answers('c', 'd')).toEqual([true, true]);

    baseline = generation(3);
    losers = ['e', 'f', 'g', 'h'];
    await clock.advance(windowMs);
    expect(await answers('e')).toEqual([false]);
  });
});
