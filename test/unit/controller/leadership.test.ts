import { beforeEach, describe, expect, test } from 'vitest';
import { Leadership } from '../../../src/controller/leadership.ts';
import { Controller } from '../../../src/runtime/controller.ts';
import { LeaderElector } from '../../../src/runtime/leader-elector.ts';
import { WorkQueue } from '../../../src/runtime/work-queue.ts';
import { FakeClock, flush } from '../runtime/fake-clock.ts';
import { FakeLeaseServer } from '../runtime/fake-lease-server.ts';
import { KeptLog } from './kept-log.ts';

const drainMs = 10_000;
const resyncIntervalMs = 3_600_000;

let clock: FakeClock;
let log: KeptLog;
let queue: WorkQueue<string>;
/** What happened, in order. */
let told: string[];
let admissionLooks: number;
let synced: Promise<void>;
let reconcile: (signal: AbortSignal) => Promise<void>;
let statusesWritten: Promise<void>;
let eventsSent: Promise<void>;
let leadership: Leadership;

beforeEach(() => {
  clock = new FakeClock();
  log = new KeptLog();
  queue = new WorkQueue({ clock });
  told = [];
  admissionLooks = 0;
  synced = Promise.resolve();
  reconcile = async () => undefined;
  statusesWritten = Promise.resolve();
  eventsSent = Promise.resolve();
  leadership = new Leadership({
    controller: new Controller({
      queue,
      workers: 1,
      clock,
      waitForSync: () => synced,
      reconcile: (_name, signal) => {
        told.push('reconcile');
        return reconcile(signal);
      },
    }),
    requests: {
      resync: (part, parts) => told.push(`resync ${part}/${parts}`),
      close: () => told.push('close'),
    },
    statuses: {
      start: () => told.push('statuses start'),
      stop: () => {
        told.push('statuses stop');
        return statusesWritten;
      },
    },
    events: { flush: () => eventsSent },
    admission: {
      refresh: async () => {
        admissionLooks += 1;
      },
    },
    clock,
    logger: log,
    identity: 'pod-1',
    resyncIntervalMs,
    onFatal: (error) => told.push(`fatal: ${error}`),
  });
});

const never = new Promise<void>(() => undefined);

/** Follows an ending without waiting for it. */
function watch(ending: Promise<void>): { hasEnded: boolean } {
  const watched = { hasEnded: false };
  void ending.then(() => {
    watched.hasEnded = true;
  });
  return watched;
}

async function beginWithWork(work: Promise<void>): Promise<void> {
  reconcile = () => work;
  leadership.begin();
  queue.add('team-a', 'normal');
  await flush();
  expect(told).toContain('reconcile');
}

function warnings(): string[] {
  return log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
}

describe('a term', () => {
  test('works, writes statuses, and looks at everything once in each interval, spread over it', async () => {
    leadership.begin();
    await clock.advance(2 * resyncIntervalMs);
    expect(leadership.isLeading).toBe(true);
    const round = Array.from({ length: 60 }, (_, part) => `resync ${part}/60`);
    expect(told).toEqual(['statuses start', ...round, ...round]);
    expect(admissionLooks).toBe(3);
  });

  test('looks at everything again only once it has looked for the first time', async () => {
    const caches = Promise.withResolvers<void>();
    synced = caches.promise;
    leadership.begin();
    await clock.advance(resyncIntervalMs);
    expect(told).toEqual([]);
    caches.resolve();
    await clock.advance(resyncIntervalMs / 60);
    expect(told).toEqual(['statuses start', 'resync 0/60']);
  });

  test('ends in order, and leaves no timer behind', async () => {
    leadership.begin();
    await flush();
    await leadership.end(drainMs);
    expect(leadership.isLeading).toBe(false);
    expect(told).toEqual(['statuses start', 'close', 'statuses stop']);
    expect(warnings()).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('ends when the work in hand is done, not later', async () => {
    const work = Promise.withResolvers<void>();
    await beginWithWork(work.promise);
    const ending = watch(leadership.end(drainMs));
    await clock.advance(drainMs - 1);
    expect(ending.hasEnded).toBe(false);
    work.resolve();
    await flush();
    expect(ending.hasEnded).toBe(true);
  });

  test('that never began ends at once', async () => {
    await leadership.end(drainMs);
    expect(told).toEqual([]);
  });
});

describe('the end of a term waits no longer than it may', () => {
  test('for Events that are still to be sent', async () => {
    eventsSent = never;
    leadership.begin();
    await flush();
    const ending = watch(leadership.end(drainMs));
    await clock.advance(drainMs - 1);
    expect(ending.hasEnded).toBe(false);
    await clock.advance(1);
    expect(ending.hasEnded).toBe(true);
    expect(warnings()).toEqual(['statuses or events left unwritten']);
  });

  test('for a status that is being written', async () => {
    statusesWritten = never;
    leadership.begin();
    await flush();
    const ending = watch(leadership.end(drainMs));
    await clock.advance(drainMs);
    expect(ending.hasEnded).toBe(true);
  });

  test('for both of them and the work in hand together', async () => {
    const work = Promise.withResolvers<void>();
    eventsSent = never;
    statusesWritten = never;
    await beginWithWork(work.promise);
    const ending = watch(leadership.end(drainMs));
    await clock.advance(drainMs - 1);
    work.resolve();
    await clock.advance(1);
    expect(ending.hasEnded).toBe(true);
  });

  test('for anything, where the Lease is lost', async () => {
    eventsSent = never;
    statusesWritten = never;
    leadership.begin();
    await flush();
    const ending = watch(leadership.end(0));
    await clock.advance(0);
    expect(ending.hasEnded).toBe(true);
  });
});

describe('another term', () => {
  test('is not to begin before the one that is being ended has, whoever ends it', async () => {
    const work = Promise.withResolvers<void>();
    await beginWithWork(work.promise);
    const stopped = watch(leadership.end(drainMs));
    const leaseLost = watch(leadership.end(0));
    await clock.advance(drainMs - 1);
    expect([stopped.hasEnded, leaseLost.hasEnded]).toEqual([false, false]);
    work.resolve();
    await flush();
    expect([stopped.hasEnded, leaseLost.hasEnded]).toEqual([true, true]);
  });

  test('does not begin where the Lease is lost and free again during a stop', async () => {
    const work = Promise.withResolvers<void>();
    reconcile = () => work.promise;
    queue.add('team-a', 'normal');
    const server = new FakeLeaseServer();
    const lock = server.connect();
    const elector = new LeaderElector({
      lock,
      identity: 'pod-1',
      clock,
      onStartedLeading: () => leadership.begin(),
      onStoppedLeading: () => leadership.end(0),
    });
    elector.start();
    await flush();
    expect(told).toContain('reconcile');
    told = [];
    const stopped = leadership.end(60_000).then(() => elector.stop());
    lock.link = 'down';
    await clock.advance(20_000);
    expect(elector.guard()).toBe(false);
    lock.link = 'up';
    await clock.advance(20_000);
    work.resolve();
    await stopped;
    expect(told).toEqual(['close', 'statuses stop']);
    expect(leadership.isLeading).toBe(false);
  });

  test('works as the first did', async () => {
    leadership.begin();
    await flush();
    await leadership.end(drainMs);
    leadership.begin();
    queue.add('team-a', 'normal');
    await flush();
    expect(told).toEqual(['statuses start', 'close', 'statuses stop', 'reconcile', 'statuses start']);
    expect(leadership.isLeading).toBe(true);
  });
});
