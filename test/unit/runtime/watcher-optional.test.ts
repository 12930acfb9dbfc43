import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/runtime/store.ts';
import { Watcher } from '../../../src/runtime/watcher.ts';
import { FakeClock, flush } from './fake-clock.ts';
import { FakeListWatch, watchFailure } from './fake-list-watch.ts';
import { changesOf, contentOf, type Thing, type ThingRecord, thing, thingStore } from './objects.ts';

let clock: FakeClock;
let server: FakeListWatch;
let store: Store<ThingRecord, Thing>;
let failures: string[];

beforeEach(() => {
  clock = new FakeClock();
  server = new FakeListWatch();
  store = thingStore();
  failures = [];
});

let watcher: Watcher<ThingRecord, Thing> | undefined;

afterEach(async () => {
  await watcher?.stop();
  expect(clock.pendingTimers).toBe(0);
});

function start(optional: boolean): Watcher<ThingRecord, Thing> {
  watcher = new Watcher({
    listWatch: server,
    store,
    clock,
    optional,
    random: () => 0.5,
    observer: { onFailure: (error) => failures.push(error.message) },
  });
  watcher.start();
  return watcher;
}

describe('a resource that the server does not serve', () => {
  test('is an empty list where it is optional: synced, heard of, and no failure', async () => {
    server.refusals.push(watchFailure('unserved'));
    const optional = start(true);
    await optional.waitForSync();
    expect(optional.hasSynced).toBe(true);
    expect(store.size).toBe(0);
    expect(optional.lastActivityMs).toBe(clock.monotonic());
    expect(failures).toEqual([]);
  });

  test('is asked for again each minute, and listed once it is served', async () => {
    server.refusals.push(watchFailure('unserved'), watchFailure('unserved'));
    start(true);
    await flush();
    expect(server.calls).toEqual(['watch with list']);
    await clock.advance(59_999);
    expect(server.calls).toHaveLength(1);
    await clock.advance(1);
    expect(server.calls).toHaveLength(2);
    await clock.advance(60_000);
    server.stream.event('ADDED', thing('tenant/a', 1)).bookmark(10, true);
    await flush();
    expect(contentOf(store)).toEqual(['tenant/a=spec']);
  });

  test('no longer, leaves nothing behind', async () => {
    start(true);
    await flush();
    server.stream.event('ADDED', thing('tenant/a', 1)).bookmark(10, true);
    await clock.advance(2_000);
    const told = changesOf(store);
    server.refusals.push(watchFailure('unserved'));
    server.stream.end();
    await flush();
    expect(told).toEqual(['deleted tenant/a']);
    server.calls.length = 0;
    await clock.advance(60_000);
    expect(server.calls).toEqual(['watch with list']);
  });

  test('is waited for where it is not optional: what is known stays, and nothing counts as synced', async () => {
    start(false);
    await flush();
    server.stream.event('ADDED', thing('tenant/a', 1)).bookmark(10, true);
    await clock.advance(2_000);
    server.refusals.push(watchFailure('unserved'));
    server.stream.end();
    await flush();
    expect(failures).toEqual(['unserved']);
    expect(contentOf(store)).toEqual(['tenant/a=spec']);
  });

  test('does not sync where it is not optional', async () => {
    server.refusals.push(watchFailure('unserved'));
    expect(start(false).hasSynced).toBe(false);
    await flush();
    expect(watcher?.hasSynced).toBe(false);
    expect(failures).toEqual(['unserved']);
  });
});
