import { beforeEach, describe, expect, test } from 'vitest';
import {
  LeaderElector,
  type LeaderElectorOptions,
  NotLeadingError,
} from '../../../src/runtime/leader-elector.ts';
import { FakeClock, flush } from './fake-clock.ts';
import { type FakeLeaseLock, FakeLeaseServer } from './fake-lease-server.ts';

let clock: FakeClock;
let server: FakeLeaseServer;

beforeEach(() => {
  clock = new FakeClock();
  server = new FakeLeaseServer();
});

interface Candidate {
  readonly elector: LeaderElector;
  readonly lock: FakeLeaseLock;
  readonly told: string[];
  readonly terms: AbortSignal[];
}

function candidate(identity: string, overrides: Partial<LeaderElectorOptions> = {}): Candidate {
  const lock = server.connect();
  const told: string[] = [];
  const terms: AbortSignal[] = [];
  const elector = new LeaderElector({
    lock,
    identity,
    clock,
    random: () => 0,
    onStartedLeading: (term) => {
      told.push('started');
      terms.push(term);
    },
    onStoppedLeading: () => void told.push('stopped'),
    observer: {
      onHolderChanged: (holder) => told.push(`holder ${holder || 'nobody'}`),
      onError: (error) => told.push((error as Error).message),
    },
    ...overrides,
  });
  return { elector, lock, told, terms };
}

/** A candidate that leads since now. */
async function leader(overrides: Partial<LeaderElectorOptions> = {}): Promise<Candidate> {
  const leading = candidate('one', overrides);
  leading.elector.start();
  await flush();
  expect(leading.elector.guard()).toBe(true);
  leading.told.length = 0;
  return leading;
}

describe('getting the lease', () => {
  test('creates it where there is none', async () => {
    const { elector, told } = candidate('one');
    elector.start();
    await flush();
    expect(told).toEqual(['holder one', 'started']);
    expect(server.lease).toMatchObject({
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
      acquireTimeMs: clock.now(),
      renewTimeMs: clock.now(),
    });
  });

  test('is for one of two who try at once', async () => {
    const both = [candidate('one'), candidate('two')];
    for (const { elector } of both) elector.start();
    await clock.advance(60_000);
    expect(both.filter(({ elector }) => elector.guard())).toHaveLength(1);
  });

  test('waits for as long as the holder said, from when it saw the lease, whatever the times in it', async () => {
    server.put({
      holderIdentity: 'gone',
      leaseDurationSeconds: 20,
      acquireTimeMs: 0,
      renewTimeMs: 0,
      leaseTransitions: 3,
    });
    const { elector, told } = candidate('one');
    elector.start();
    await clock.advance(19_999);
    expect(told).toEqual(['holder gone']);
    await clock.advance(500);
    expect(elector.guard()).toBe(true);
    expect(server.lease?.leaseTransitions).toBe(4);
  });

  test('is not hastened by a wall clock that is set', async () => {
    await leader();
    const other = new FakeClock();
    const { elector } = candidate('two', { clock: other });
    elector.start();
    await flush();
    other.stepWallClock(3_600_000);
    await other.advance(10_000);
    expect(elector.guard()).toBe(false);
  });

  test('does not happen while another renews it', async () => {
    const { elector: holder } = await leader();
    const { elector } = candidate('two');
    elector.start();
    await clock.advance(600_000);
    expect([holder.guard(), elector.guard()]).toEqual([true, false]);
    expect(elector.holder).toBe('one');
  });

  test('happens at the first look after it was released', async () => {
    const { elector: holder } = await leader();
    const { elector } = candidate('two');
    elector.start();
    await flush();
    await holder.stop();
    await clock.advance(2_000);
    expect(elector.guard()).toBe(true);
  });

  test('goes on through errors', async () => {
    const { elector, lock, told } = candidate('one');
    lock.link = 'down';
    elector.start();
    await clock.advance(60_000);
    lock.link = 'up';
    await clock.advance(2_000);
    expect(told.slice(-2)).toEqual(['holder one', 'started']);
  });

  test('that took longer than the renew deadline is worth nothing', async () => {
    const { elector, lock, told } = candidate('one');
    lock.create = (record) => {
      clock.pause(11_000);
      return Promise.resolve(server.put(record));
    };
    elector.start();
    await flush();
    expect(told).toEqual(['holder one']);
    await clock.advance(2_000);
    expect(told).toEqual(['holder one', 'started']);
  });
});

describe('leading', () => {
  test('renews each retry period, keeping since when', async () => {
    await leader();
    const since = server.lease?.acquireTimeMs;
    await clock.advance(10_000);
    expect(server.writes).toEqual(Array(6).fill('one 0'));
    expect(server.lease).toMatchObject({ acquireTimeMs: since, renewTimeMs: clock.now() });
  });

  test('survives failures shorter than the renew deadline', async () => {
    const { elector, lock, told } = await leader();
    lock.link = 'down';
    await clock.advance(9_000);
    lock.link = 'up';
    await clock.advance(60_000);
    expect(elector.guard()).toBe(true);
    expect(told).not.toContain('stopped');
  });

  test('ends at the renew deadline, well before anybody else may lead', async () => {
    const { elector, lock, told, terms } = await leader();
    const other = candidate('two');
    other.elector.start();
    await flush();
    lock.link = 'hangs';
    await clock.advance(9_999);
    expect(elector.guard()).toBe(true);
    await clock.advance(1);
    expect(elector.guard()).toBe(false);
    expect(told.at(-1)).toBe('stopped');
    expect(terms[0]?.aborted).toBe(true);
    await clock.advance(4_999);
    expect(other.elector.guard()).toBe(false);
    await clock.advance(400);
    expect(other.elector.guard()).toBe(true);
  });

  test('counts a renewal from its start, not from its answer', async () => {
    const { elector, lock } = await leader();
    lock.update = async (record) => {
      clock.pause(9_000);
      return server.put(record);
    };
    await clock.advance(2_000);
    lock.link = 'down';
    expect(elector.guard()).toBe(true);
    clock.pause(1_000);
    expect(elector.guard()).toBe(false);
  });

  test('goes on after a renewal whose answer was lost', async () => {
    const { elector, lock, told } = await leader();
    lock.link = 'loses answers';
    await clock.advance(3_000);
    lock.link = 'up';
    await clock.advance(60_000);
    expect(elector.guard()).toBe(true);
    expect(told).toEqual(['the lease was not served in time']);
  });

  test('ends at once when somebody else is found to hold the lease', async () => {
    const { elector, told } = await leader();
    server.put({ ...(server.lease as NonNullable<typeof server.lease>), holderIdentity: 'two' });
    await clock.advance(4_000);
    expect(elector.guard()).toBe(false);
    expect(told).toEqual(['409 Conflict', 'holder two', 'stopped']);
  });
});

describe('a lease that was released in our name', () => {
  test('ends the term, since another may have led meanwhile, and begins a new one', async () => {
    const { told, terms } = await leader();
    server.put({ ...(server.lease as NonNullable<typeof server.lease>), holderIdentity: '' });
    await clock.advance(6_000);
    expect(told).toEqual(['409 Conflict', 'holder nobody', 'stopped', 'holder one', 'started']);
    expect(terms.map((term) => term.aborted)).toEqual([true, false]);
  });
});

describe('the guard', () => {
  test('does not start a request after a pause past the lease, though no timer has run yet', async () => {
    const { elector } = await leader();
    clock.pause(15_001);
    expect(elector.guard()).toBe(false);
    expect(() => elector.assertLeading()).toThrow(NotLeadingError);
  });

  test('stays closed after such a pause when another leads, and the term is over', async () => {
    const { elector, told } = await leader();
    const elsewhere = new FakeClock();
    const other = candidate('two', { clock: elsewhere });
    other.elector.start();
    clock.pause(16_000);
    await elsewhere.advance(16_000);
    expect([elector.guard(), other.elector.guard()]).toEqual([false, true]);
    await clock.advance(3_000);
    await elsewhere.advance(3_000);
    expect([elector.guard(), other.elector.guard()]).toEqual([false, true]);
    expect(told).toContain('stopped');
  });

  test('opens again after such a pause, for a new term, when nobody else took the lease', async () => {
    const { elector, told, terms } = await leader();
    clock.pause(16_000);
    await clock.advance(0);
    expect(told).toEqual(['stopped', 'started']);
    expect(terms.map((term) => term.aborted)).toEqual([true, false]);
    expect(elector.guard()).toBe(true);
  });

  test('is closed after the machine was suspended, when the monotonic clock stood still', async () => {
    const { elector } = await leader();
    clock.suspend(15_000);
    expect(elector.guard()).toBe(false);
  });

  test('is not held open by a wall clock that is set back', async () => {
    const { elector, lock } = await leader();
    lock.link = 'down';
    clock.stepWallClock(-3_600_000);
    await clock.advance(9_999);
    expect(elector.guard()).toBe(true);
    await clock.advance(1);
    expect(elector.guard()).toBe(false);
  });

  test('is closed before the first term', () => {
    expect(candidate('one').elector.guard()).toBe(false);
  });
});

describe('stopping', () => {
  test('ends the term, waits for the work to end, and then releases the lease', async () => {
    const workEnds = Promise.withResolvers<void>();
    const { elector, terms } = await leader({ onStoppedLeading: () => workEnds.promise });
    const stopped = elector.stop();
    await flush();
    expect([terms[0]?.aborted, elector.guard()]).toEqual([true, false]);
    expect(server.lease?.holderIdentity).toBe('one');
    workEnds.resolve();
    await stopped;
    expect(server.lease?.holderIdentity).toBe('');
    expect(clock.pendingTimers).toBe(0);
  });

  test('while a renewal is on its way releases the lease, whatever became of the renewal', async () => {
    const { elector, lock, told } = await leader();
    lock.link = 'loses answers';
    await clock.advance(2_000);
    expect(server.writes).toEqual(['one 0', 'one 0']);
    lock.link = 'up';
    await elector.stop();
    expect(server.lease?.holderIdentity).toBe('');
    expect(told).toEqual(['stopped', 'holder nobody']);
  });

  test('releases the lease though the renewal that was on its way comes in between', async () => {
    const { elector, lock, told } = await leader();
    lock.link = 'hangs';
    await clock.advance(2_000);
    lock.link = 'up';
    const read = lock.read.bind(lock);
    lock.read = async (signal) => {
      const lease = await read(signal);
      lock.read = read;
      if (lease !== undefined) server.put(lease);
      return lease;
    };
    await elector.stop();
    expect(server.lease?.holderIdentity).toBe('');
    expect(told).toEqual(['stopped', '409 Conflict', 'holder nobody']);
  });

  test('releases a lease that somebody else has edited', async () => {
    const { elector } = await leader();
    server.put({ ...(server.lease as NonNullable<typeof server.lease>), leaseTransitions: 7 });
    await elector.stop();
    expect(server.writes.at(-1)).toBe('nobody 7');
  });

  test('leaves the lease to whoever holds it by then', async () => {
    const { elector, told } = await leader();
    server.put({ ...(server.lease as NonNullable<typeof server.lease>), holderIdentity: 'two' });
    await elector.stop();
    expect(server.lease?.holderIdentity).toBe('two');
    expect(told).toEqual(['stopped', '409 Conflict', 'holder two']);
  });

  test('leaves a lease alone that is no more', async () => {
    const { elector, told } = await leader();
    server.lease = undefined;
    await elector.stop();
    expect(server.lease).toBeUndefined();
    expect(told).toEqual(['stopped', '409 Conflict']);
  });

  test('before the answer to getting it releases the lease', async () => {
    const { elector, lock, told } = candidate('one');
    const create = lock.create.bind(lock);
    lock.create = (record, signal) => {
      lock.link = 'loses answers';
      return create(record, signal);
    };
    elector.start();
    await flush();
    expect([server.lease?.holderIdentity, elector.guard()]).toEqual(['one', false]);
    lock.link = 'up';
    await elector.stop();
    expect(server.lease?.holderIdentity).toBe('');
    expect(told).toEqual(['holder one', 'holder nobody']);
  });

  test('while following asks nothing of the server', async () => {
    const holder = candidate('one');
    const { elector, lock, told } = candidate('two');
    holder.elector.start();
    elector.start();
    await clock.advance(3_000);
    told.length = 0;
    lock.read = () => Promise.reject(new Error('read'));
    lock.update = () => Promise.reject(new Error('written'));
    await elector.stop();
    expect(told).toEqual([]);
  });

  test('while following leaves the lease alone', async () => {
    await leader();
    const { elector } = candidate('two');
    elector.start();
    await flush();
    await elector.stop();
    expect(server.writes).toEqual(['one 0']);
  });

  test('ends though the lease cannot be released', async () => {
    const { elector, lock, told } = await leader();
    lock.link = 'hangs';
    const stopped = elector.stop();
    await clock.advance(2_000);
    await stopped;
    expect(told).toEqual(['stopped', 'the lease was not served in time']);
    expect(clock.pendingTimers).toBe(0);
  });

  test('ends at once where the server is down', async () => {
    const { elector, lock, told } = await leader();
    lock.link = 'down';
    await elector.stop();
    expect(told).toEqual(['stopped', 'ECONNREFUSED', 'ECONNREFUSED']);
  });

  test('a term that is lost lets no other begin before its work has ended', async () => {
    const workEnds = Promise.withResolvers<void>();
    const { elector, told } = await leader({ onStoppedLeading: () => workEnds.promise });
    clock.pause(16_000);
    await clock.advance(60_000);
    expect(elector.guard()).toBe(false);
    workEnds.resolve();
    await flush();
    expect(elector.guard()).toBe(true);
    expect(told).toEqual(['started']);
  });
});

describe('options that do not fit together are refused', () => {
  test.each([
    [{ identity: '' }, 'the identity of a candidate must not be empty'],
    [{ leaseDurationMs: 1_500 }, 'leaseDurationMs must be whole seconds, got 1500'],
    [{ renewDeadlineMs: 15_000 }, 'renewDeadlineMs must be below leaseDurationMs (15000), got 15000'],
    [
      { retryPeriodMs: 9_000 },
      'retryPeriodMs must be above 0 and, with jitter, below renewDeadlineMs (10000), got 9000',
    ],
  ])('%o', (overrides, message) => {
    expect(() => candidate('one', overrides)).toThrow(message);
  });
});
