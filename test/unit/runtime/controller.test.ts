import { beforeEach, describe, expect, test } from 'vitest';
import { Controller, type ControllerObserver, type Reconcile } from '../../../src/runtime/controller.ts';
import { WorkQueue } from '../../../src/runtime/work-queue.ts';
import { FakeClock, flush } from './fake-clock.ts';

let clock: FakeClock;
let queue: WorkQueue<string>;
let runs: string[];

beforeEach(() => {
  clock = new FakeClock();
  queue = new WorkQueue({ clock, backoff: { initialMs: 100, maxMs: 1_000, random: () => 0.5 } });
  runs = [];
});

interface Overrides {
  readonly workers?: number;
  readonly waitForSync?: (signal: AbortSignal) => Promise<void>;
  readonly observer?: ControllerObserver<string>;
}

function controllerOf(reconcile: Reconcile<string>, overrides: Overrides = {}): Controller<string> {
  return new Controller({
    queue,
    clock,
    workers: 1,
    waitForSync: () => Promise.resolve(),
    ...overrides,
    reconcile: (key, signal) => {
      runs.push(key);
      return reconcile(key, signal);
    },
  });
}

const succeed = (): Promise<void> => Promise.resolve();

/** A reconcile that ends when told to. */
function gate(): { readonly reconcile: Reconcile<string>; open(): void } {
  const opened = Promise.withResolvers<void>();
  return { reconcile: () => opened.promise, open: opened.resolve };
}

/** A reconcile that ends only by its signal. */
const untilAborted: Reconcile<string> = (_key, signal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('before the caches have synced', () => {
  test('nothing runs', async () => {
    const synced = Promise.withResolvers<void>();
    const controller = controllerOf(succeed, { waitForSync: () => synced.promise });
    const started = controller.start();
    queue.add('a', 'urgent');
    await clock.advance(3_600_000);
    expect(runs).toEqual([]);
    synced.resolve();
    await started;
    await flush();
    expect(runs).toEqual(['a']);
  });

  test('it can be stopped, and then nothing runs', async () => {
    const synced = Promise.withResolvers<void>();
    const controller = controllerOf(succeed, { waitForSync: () => synced.promise });
    const started = controller.start();
    queue.add('a', 'normal');
    expect(await controller.stop(0)).toBe(true);
    synced.resolve();
    await started;
    await flush();
    expect(runs).toEqual([]);
  });

  test('a wait that fails fails the start, and nothing runs', async () => {
    const controller = controllerOf(succeed, { waitForSync: () => Promise.reject(new Error('no cache')) });
    queue.add('a', 'normal');
    await expect(controller.start()).rejects.toThrow('no cache');
    await flush();
    expect(runs).toEqual([]);
  });
});

describe('running', () => {
  test('works on as many keys at once as it has workers, and no more', async () => {
    const { reconcile, open } = gate();
    await controllerOf(reconcile, { workers: 2 }).start();
    for (const key of ['a', 'b', 'c']) queue.add(key, 'normal');
    await flush();
    expect(runs).toEqual(['a', 'b']);
    open();
    await flush();
    expect(runs).toEqual(['a', 'b', 'c']);
  });

  test('runs a key again after the time it asked for', async () => {
    await controllerOf(async (key) => queue.addAfter(key, 5_000, 'normal')).start();
    queue.add('a', 'normal');
    await clock.advance(4_999);
    expect(runs).toEqual(['a']);
    await clock.advance(1);
    expect(runs).toEqual(['a', 'a']);
  });

  test('runs a key at the time it asked for, not behind a rollout', async () => {
    const elapsedMs: number[] = [];
    const beganMs = clock.monotonic();
    await controllerOf(async (key) => {
      if (key !== 'fought') return clock.sleep(10);
      elapsedMs.push(clock.monotonic() - beganMs);
      queue.addAfter(key, 250, 'urgent');
    }).start();
    queue.add('fought', 'urgent');
    for (let index = 0; index < 100; index += 1) queue.add(`namespace-${index}`, 'normal');
    await clock.advance(500);
    expect(elapsedMs).toEqual([0, 250, 500]);
    expect(queue.depth('normal')).toBeGreaterThan(40);
  });

  test('runs a key that asked for it and then failed no later than it asked', async () => {
    await controllerOf((key) => {
      queue.addAfter(key, 20, 'urgent');
      return Promise.reject(new Error('refused'));
    }).start();
    queue.add('a', 'normal');
    await clock.advance(20);
    expect(runs).toEqual(['a', 'a']);
  });

  test('runs a key again that changed during its run', async () => {
    const { reconcile, open } = gate();
    await controllerOf(reconcile, { workers: 2 }).start();
    queue.add('a', 'normal');
    await flush();
    queue.add('a', 'normal');
    await flush();
    expect(runs).toEqual(['a']);
    open();
    await flush();
    expect(runs).toEqual(['a', 'a']);
  });

  test.each([0, 1.5, -1])('refuses %d workers', (workers) => {
    expect(() => controllerOf(succeed, { workers })).toThrow(
      `workers must be a positive integer, got ${workers}`,
    );
  });
});

describe('failures', () => {
  test('are retried for ever with capped backoff', async () => {
    await controllerOf(() => Promise.reject(new Error('refused'))).start();
    queue.add('a', 'normal');
    await clock.advance(600_000);
    expect(runs.length).toBeGreaterThan(1_000);
    const before = runs.length;
    await clock.advance(500);
    expect(runs.length).toBe(before + 1);
  });

  test('thrown before the first await are failures too', async () => {
    await controllerOf(() => {
      throw new Error('a bug');
    }).start();
    queue.add('a', 'normal');
    await clock.advance(50);
    expect(runs).toEqual(['a', 'a']);
  });

  test('wait as long as the error says', async () => {
    const error = Object.assign(new Error('too many requests'), { retryAfterMs: 10_000 });
    await controllerOf(() => Promise.reject(error)).start();
    queue.add('a', 'normal');
    await clock.advance(10_499);
    expect(runs).toEqual(['a']);
    await clock.advance(1);
    expect(runs).toEqual(['a', 'a']);
  });

  test('are forgotten after a success', async () => {
    const outcomes = [new Error('one'), new Error('two'), undefined, new Error('three')];
    const told: string[] = [];
    const controller = controllerOf(
      () => {
        const outcome = outcomes.shift();
        return outcome === undefined ? succeed() : Promise.reject(outcome);
      },
      {
        observer: {
          onSuccess: (key) => told.push(`${key} succeeded`),
          onError: (key, error, _, failures, retryInMs) =>
            told.push(`${key} failed: ${(error as Error).message}, ${failures}, in ${retryInMs}`),
        },
      },
    );
    await controller.start();
    queue.add('a', 'normal');
    await clock.advance(1_000);
    queue.add('a', 'normal');
    await flush();
    expect(told).toEqual([
      'a failed: one, 1, in 50',
      'a failed: two, 2, in 100',
      'a succeeded',
      'a failed: three, 1, in 50',
    ]);
  });

  test('of an observer cost no worker and no key', async () => {
    const warned: Error[] = [];
    const onWarning = (warning: Error): unknown => warned.push(warning);
    process.on('warning', onWarning);
    const fail = (): never => {
      throw new Error('a broken hook');
    };
    const outcomes = [Promise.reject(new Error('refused')), succeed()];
    await controllerOf(() => outcomes.shift() ?? succeed(), {
      observer: { onSuccess: fail, onError: fail },
    }).start();
    queue.add('a', 'normal');
    await clock.advance(1_000);
    queue.add('b', 'normal');
    await flush();
    process.off('warning', onWarning);
    expect(runs).toEqual(['a', 'a', 'b']);
    expect(queue.processing).toBe(0);
    expect(warned.map((warning) => warning.message)).toContain('a broken hook');
  });
});

describe('stopping', () => {
  test('takes no more keys, and waits for the runs in work', async () => {
    const { reconcile, open } = gate();
    const controller = controllerOf(reconcile);
    await controller.start();
    queue.add('a', 'normal');
    queue.add('b', 'normal');
    await flush();
    const stopped = controller.stop(5_000);
    await clock.advance(4_999);
    open();
    expect(await stopped).toBe(true);
    expect(runs).toEqual(['a']);
    expect(queue.depth('normal')).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test('tells the runs to stop at the deadline, and keeps their keys', async () => {
    const errors: unknown[] = [];
    const controller = controllerOf(untilAborted, {
      observer: { onError: (_, error) => errors.push(error) },
    });
    await controller.start();
    queue.add('a', 'normal');
    await flush();
    const stopped = controller.stop(5_000);
    await clock.advance(5_000);
    expect(await stopped).toBe(true);
    expect(errors).toEqual([]);
    expect(queue.depth('normal')).toBe(1);
    expect(queue.failures('a')).toBe(0);
  });

  test('tells the runs to stop at once where there is no time to drain', async () => {
    const controller = controllerOf(untilAborted);
    await controller.start();
    queue.add('a', 'normal');
    await flush();
    expect(await controller.stop(0)).toBe(true);
  });

  test('leaves a run behind that does not listen, and says so', async () => {
    const controller = controllerOf(() => new Promise(() => undefined));
    await controller.start();
    queue.add('a', 'normal');
    await flush();
    const stopped = controller.stop(5_000);
    await clock.advance(6_000);
    expect(await stopped).toBe(false);
  });

  test('can be followed by another start, which goes on where it was', async () => {
    const controller = controllerOf(succeed);
    await controller.start();
    await controller.stop(1_000);
    queue.add('a', 'normal');
    await flush();
    expect(runs).toEqual([]);
    await controller.start();
    await flush();
    expect(runs).toEqual(['a']);
  });

  test('is needed before another start', async () => {
    const controller = controllerOf(succeed);
    await controller.start();
    await expect(controller.start()).rejects.toThrow('running already');
  });
});
