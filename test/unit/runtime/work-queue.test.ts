import { beforeEach, describe, expect, test } from 'vitest';
import { URGENT_IN_A_ROW, WorkQueue } from '../../../src/runtime/work-queue.ts';
import { FakeClock, flush } from './fake-clock.ts';

let clock: FakeClock;
let queue: WorkQueue<string>;

beforeEach(() => {
  clock = new FakeClock();
  queue = new WorkQueue({ clock, backoff: { initialMs: 100, maxMs: 1_000, random: () => 0.5 } });
});

/** Takes what can be taken now, in order, each done at once. */
async function drain(): Promise<string[]> {
  const keys: string[] = [];
  for (;;) {
    const stop = new AbortController();
    const taken = queue.take(stop.signal);
    stop.abort();
    const key = await taken;
    if (key === undefined) return keys;
    keys.push(key);
    queue.done(key);
  }
}

describe('deduplication', () => {
  test('does not queue a waiting key twice', async () => {
    queue.add('a', 'normal');
    queue.add('b', 'normal');
    queue.add('a', 'normal');
    expect(queue.depth('normal')).toBe(2);
    expect(await drain()).toEqual(['a', 'b']);
  });

  test('does not run one key twice at once', async () => {
    queue.add('a', 'normal');
    await queue.take();
    queue.add('a', 'normal');
    expect(await drain()).toEqual([]);
    queue.done('a');
    expect(await drain()).toEqual(['a']);
  });

  test('runs a key added during its run again, in the lane it was added to', async () => {
    queue.add('a', 'normal');
    await queue.take();
    queue.add('b', 'normal');
    queue.add('a', 'normal');
    queue.add('a', 'urgent');
    queue.done('a');
    expect(await drain()).toEqual(['a', 'b']);
  });

  test('refuses the end of a run that never began', () => {
    expect(() => queue.done('a')).toThrow('done("a") without a take');
  });
});

describe('lanes', () => {
  test('hands out urgent keys first', async () => {
    queue.add('a', 'normal');
    queue.add('b', 'urgent');
    expect(await drain()).toEqual(['b', 'a']);
  });

  test('lifts a key that waits as normal when it becomes urgent, and runs it once', async () => {
    queue.add('a', 'normal');
    queue.add('b', 'normal');
    queue.add('b', 'urgent');
    expect([queue.depth('urgent'), queue.depth('normal')]).toEqual([1, 1]);
    expect(await drain()).toEqual(['b', 'a']);
  });

  test('does not lower an urgent key', async () => {
    queue.add('a', 'normal');
    queue.add('b', 'urgent');
    queue.add('b', 'normal');
    expect(await drain()).toEqual(['b', 'a']);
  });

  test('takes a lifted key from the lane it was added to since, not from its old place', async () => {
    queue.add('a', 'normal');
    queue.add('a', 'urgent');
    queue.done((await queue.take()) as string);
    queue.add('b', 'normal');
    queue.add('a', 'normal');
    expect(await drain()).toEqual(['b', 'a']);
  });

  test('does not starve normal keys under a flood of urgent ones', async () => {
    queue.add('normal', 'normal');
    for (let index = 0; index < 100; index += 1) queue.add(`urgent-${index}`, 'urgent');
    expect((await drain()).indexOf('normal')).toBe(URGENT_IN_A_ROW);
  });
});

describe('delayed adds', () => {
  test('hands out a key when its delay is over, not before', async () => {
    queue.addAfter('a', 1_000, 'normal');
    await clock.advance(999);
    expect(await drain()).toEqual([]);
    await clock.advance(1);
    expect(await drain()).toEqual(['a']);
  });

  test('keeps the earlier of two delayed adds', async () => {
    queue.addAfter('a', 1_000, 'normal');
    queue.addAfter('a', 5_000, 'normal');
    queue.addAfter('b', 5_000, 'normal');
    queue.addAfter('b', 1_000, 'normal');
    await clock.advance(1_000);
    expect((await drain()).sort()).toEqual(['a', 'b']);
    await clock.advance(10_000);
    expect(await drain()).toEqual([]);
  });

  test('lets an immediate add stand for a delayed one', async () => {
    queue.addAfter('a', 1_000, 'urgent');
    queue.add('a', 'normal');
    expect(queue.depth('urgent')).toBe(1);
    expect(await drain()).toEqual(['a']);
    await clock.advance(1_000);
    expect(await drain()).toEqual([]);
  });

  test('lifts a key that waits as normal when it is to run urgently in a while', async () => {
    for (const key of ['a', 'b', 'c']) queue.add(key, 'normal');
    queue.addAfter('c', 1_000, 'urgent');
    expect([queue.depth('urgent'), queue.depth('normal'), queue.delayed]).toEqual([1, 2, 0]);
    expect(await drain()).toEqual(['c', 'a', 'b']);
  });

  test('holds a key that comes due during its run until the run is done', async () => {
    queue.add('a', 'normal');
    await queue.take();
    queue.addAfter('a', 100, 'normal');
    await clock.advance(100);
    expect(await drain()).toEqual([]);
    queue.done('a');
    expect(await drain()).toEqual(['a']);
  });

  test('adds at once what is due at once', async () => {
    queue.addAfter('a', 0, 'normal');
    expect(await drain()).toEqual(['a']);
  });

  test('needs one timer for any number of delays', async () => {
    for (let index = 1_000; index > 0; index -= 1) queue.addAfter(`key-${index}`, index, 'normal');
    expect(clock.pendingTimers).toBe(1);
    expect(queue.delayed).toBe(1_000);
    await clock.advance(1_000);
    expect(await drain()).toEqual(Array.from({ length: 1_000 }, (_, index) => `key-${index + 1}`));
  });

  test('does not keep deadlines of keys that ran sooner', async () => {
    for (let round = 0; round < 100; round += 1) {
      queue.addAfter('a', 3_600_000 - round, 'normal');
      queue.add('a', 'normal');
      await drain();
    }
    expect(queue.delayed).toBe(0);
  });

  test('is not moved by a wall clock that is set', async () => {
    queue.addAfter('a', 1_000, 'normal');
    clock.stepWallClock(3_600_000);
    await clock.advance(999);
    expect(await drain()).toEqual([]);
    clock.stepWallClock(-7_200_000);
    await clock.advance(1);
    expect(await drain()).toEqual(['a']);
  });
});

describe('retries', () => {
  test('backs off by key, in the lane of the run that failed', async () => {
    queue.add('a', 'urgent');
    await queue.take();
    expect(queue.retry('a')).toBe(50);
    queue.done('a');
    await clock.advance(49);
    expect(queue.depth('urgent')).toBe(0);
    await clock.advance(1);
    expect(queue.depth('urgent')).toBe(1);
    await queue.take();
    expect(queue.retry('a')).toBe(100);
  });

  test('starts over for a key that is forgotten', () => {
    queue.retry('a');
    queue.retry('a');
    queue.forget('a');
    expect(queue.retry('a')).toBe(50);
  });

  test('waits as long as the server asked for', () => {
    expect(queue.retry('a', 20_000)).toBe(21_000);
  });
});

describe('takers', () => {
  test('get keys in the order in which they came', async () => {
    const first = queue.take();
    const second = queue.take();
    queue.add('a', 'normal');
    queue.add('b', 'normal');
    expect([await first, await second]).toEqual(['a', 'b']);
  });

  test('that are aborted get nothing, and take nothing from the others', async () => {
    const stop = new AbortController();
    const aborted = queue.take(stop.signal);
    const waiting = queue.take();
    stop.abort();
    queue.add('a', 'normal');
    expect(await aborted).toBeUndefined();
    expect(await waiting).toBe('a');
  });
});

describe('shutdown', () => {
  test('drains: waits for the keys that run, drops the others, accepts no more', async () => {
    queue.add('a', 'normal');
    queue.add('b', 'normal');
    queue.addAfter('c', 1_000, 'normal');
    await queue.take();
    let drained = false;
    const shutDown = queue.shutDown().then(() => {
      drained = true;
    });
    queue.add('d', 'urgent');
    queue.retry('a');
    await flush();
    expect(drained).toBe(false);
    queue.done('a');
    await shutDown;
    expect(await queue.take()).toBeUndefined();
    expect(clock.pendingTimers).toBe(0);
  });

  test('sends waiting takers home', async () => {
    const taken = queue.take();
    await queue.shutDown();
    expect(await taken).toBeUndefined();
  });
});

describe('what it tells', () => {
  test('depth, age and waiting time by lane, and retries', async () => {
    const told: string[] = [];
    queue = new WorkQueue({
      clock,
      backoff: { initialMs: 100, maxMs: 1_000, random: () => 0.5 },
      observer: {
        onAdded: (key, lane) => told.push(`added ${key} ${lane}`),
        onTaken: (key, lane, waitedMs) => told.push(`taken ${key} ${lane} after ${waitedMs}`),
        onRetry: (key, failures, delayMs) => told.push(`retry ${key} ${failures} in ${delayMs}`),
      },
    });
    queue.add('a', 'urgent');
    queue.add('a', 'urgent');
    await clock.advance(30);
    expect(queue.oldestAgeMs('urgent')).toBe(30);
    expect(queue.oldestAgeMs('normal')).toBe(0);
    await queue.take();
    expect(queue.processing).toBe(1);
    queue.retry('a');
    queue.done('a');
    await clock.advance(50);
    await queue.take();
    expect(told).toEqual([
      'added a urgent',
      'taken a urgent after 30',
      'retry a 1 in 50',
      'added a urgent',
      'taken a urgent after 0',
    ]);
  });
});
