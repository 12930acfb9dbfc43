import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/runtime/store.ts';
import { Watcher } from '../../../src/runtime/watcher.ts';
import { FakeClock, flush } from './fake-clock.ts';
import { FakeListWatch, watchFailure } from './fake-list-watch.ts';
import { changesOf, contentOf, type Thing, type ThingRecord, thing, thingStore } from './objects.ts';

const MINUTE = 60_000;

let clock: FakeClock;
let server: FakeListWatch;
let store: Store<ThingRecord, Thing>;
let told: string[];
let noted: string[];
let watcher: Watcher<ThingRecord, Thing>;

beforeEach(() => {
  clock = new FakeClock();
  server = new FakeListWatch();
  store = thingStore();
  told = changesOf(store);
  noted = [];
  watcher = new Watcher({
    listWatch: server,
    store,
    clock,
    random: () => 0.5,
    backoff: { initialMs: 200, maxMs: 10_000 },
    silenceMs: 150_000,
    relistIntervalMs: 12 * 60 * MINUTE,
    observer: {
      onListed: (mode, objects) => noted.push(`${mode} list of ${objects}`),
      onFailure: (error, next, delayMs) => noted.push(`${error.name}: ${next} in ${delayMs}`),
    },
  });
});

afterEach(async () => {
  await watcher.stop();
  expect(clock.pendingTimers).toBe(0);
});

/** Brings the watcher to a watch that has delivered and lived: one thing `tenant/a` at 1, the list at 10. */
async function sync(): Promise<void> {
  watcher.start();
  await flush();
  server.stream.event('ADDED', thing('tenant/a', 1)).bookmark(10, true);
  await clock.advance(2_000);
  server.calls.length = 0;
  noted.length = 0;
  told.length = 0;
}

describe('a streamed list', () => {
  test('becomes visible as a whole, at its end', async () => {
    watcher.start();
    await flush();
    server.stream.event('ADDED', thing('tenant/a', 1)).event('ADDED', thing('tenant/b', 2));
    await flush();
    expect(store.size).toBe(0);
    expect(watcher.hasSynced).toBe(false);
    server.stream.bookmark(10, true);
    await watcher.waitForSync();
    expect(contentOf(store)).toEqual(['tenant/a=spec', 'tenant/b=spec']);
    expect(noted).toEqual(['streamed list of 2']);
  });

  test('goes over into a watch on the same connection', async () => {
    await sync();
    server.stream
      .event('MODIFIED', thing('tenant/a', 11, { spec: 'new' }))
      .event('ADDED', thing('tenant/b', 12));
    await flush();
    expect(told).toEqual(['changed tenant/a', 'added tenant/b']);
    expect(server.calls).toEqual([]);
  });

  test('shows what became of an object before its end', async () => {
    watcher.start();
    await flush();
    server.stream
      .event('ADDED', thing('tenant/a', 1))
      .event('ADDED', thing('tenant/b', 2))
      .event('ADDED', thing('tenant/c', 3))
      .event('DELETED', thing('tenant/a', 7))
      .event('MODIFIED', thing('tenant/b', 8, { spec: 'new' }))
      .event('MODIFIED', thing('tenant/c', 9, { spec: 'boring' }))
      .bookmark(10, true);
    await flush();
    expect(contentOf(store)).toEqual(['tenant/b=new']);
    expect(noted).toEqual(['streamed list of 2']);
  });

  test('of nothing is a list too', async () => {
    watcher.start();
    await flush();
    server.stream.bookmark(10, true);
    await watcher.waitForSync();
    expect(store.size).toBe(0);
  });

  test('asks the server to end the watch after 5 to 10 minutes', async () => {
    await sync();
    expect(server.stream.query).toEqual({ sendInitialEvents: true, timeoutSeconds: 450 });
  });

  test('that breaks is begun anew, and nothing of it is kept', async () => {
    watcher.start();
    await flush();
    server.stream.event('ADDED', thing('tenant/a', 1)).fail(new Error('reset'));
    await clock.advance(100);
    server.stream.event('ADDED', thing('tenant/b', 2)).bookmark(10, true);
    await flush();
    expect(contentOf(store)).toEqual(['tenant/b=spec']);
    expect(server.calls).toEqual(['watch with list', 'watch with list']);
  });

  test('that came to no end twice gives way to pages, until the next list', async () => {
    server.pages.push({ items: [thing('tenant/a', 1)], resourceVersion: '10' });
    watcher.start();
    await flush();
    server.stream.event('ADDED', thing('tenant/a', 1)).end();
    await clock.advance(100);
    server.stream.event('ADDED', thing('tenant/a', 1)).end();
    await clock.advance(200);
    expect(server.calls).toEqual(['watch with list', 'watch with list', 'list', 'watch from 10']);
    server.stream.error({ code: 410, reason: 'Expired' });
    await clock.advance(1_000);
    expect(server.calls.at(-1)).toBe('watch with list');
  });

  test('that broke once is tried again, however often that happens between complete ones', async () => {
    await sync();
    for (let round = 0; round < 3; round += 1) {
      server.stream.error({ code: 410, reason: 'Expired' });
      await flush();
      server.stream.end();
      await clock.advance(1_000);
      server.stream.bookmark(20 + round, true);
      await clock.advance(2_000);
    }
    expect(server.calls).toEqual(Array(6).fill('watch with list'));
  });

  test('is still tried when the server could not be reached', async () => {
    server.refusals.push(watchFailure('transient'), watchFailure('transient'), watchFailure('transient'));
    watcher.start();
    await clock.advance(10_000);
    expect(server.calls).toEqual(Array(4).fill('watch with list'));
  });
});

describe('a paginated list', () => {
  beforeEach(() => {
    server.refusals.push(watchFailure('unsupported'));
  });

  test('replaces a streamed one where the server has none, and is remembered', async () => {
    server.pages.push(
      { items: [thing('tenant/a', 1)], resourceVersion: '10', continueToken: 'one' },
      { items: [thing('tenant/b', 2)], resourceVersion: '10' },
      { items: [], resourceVersion: '20' },
    );
    watcher.start();
    await clock.advance(2_000);
    expect(contentOf(store)).toEqual(['tenant/a=spec', 'tenant/b=spec']);
    server.stream.bookmark(11).error({ code: 410, reason: 'Expired' });
    await clock.advance(2_000);
    expect(server.calls).toEqual([
      'watch with list',
      'list',
      'list after one',
      'watch from 10',
      'list',
      'watch from 20',
    ]);
    expect(contentOf(store)).toEqual([]);
  });

  test('starts over when its continue token has expired, and is never seen in part', async () => {
    server.pages.push(
      { items: [thing('tenant/gone', 1)], resourceVersion: '10', continueToken: 'one' },
      watchFailure('expired'),
      { items: [thing('tenant/a', 11)], resourceVersion: '12' },
    );
    watcher.start();
    await clock.advance(2_000);
    expect(server.calls).toEqual(['watch with list', 'list', 'list after one', 'list', 'watch from 12']);
    expect(told).toEqual(['added tenant/a']);
  });

  test('is watched from its first page, so that nothing between two pages is lost', async () => {
    server.pages.push(
      { items: [], resourceVersion: '10', continueToken: 'one' },
      { items: [], resourceVersion: '15' },
    );
    watcher.start();
    await clock.advance(2_000);
    expect(server.calls.at(-1)).toBe('watch from 10');
  });

  test('may take long, while pages come', async () => {
    const list = server.list.bind(server);
    server.list = async (query, signal) => {
      await clock.sleep(100_000, signal);
      return await list(query, signal);
    };
    server.pages.push(
      { items: [], resourceVersion: '10', continueToken: 'one' },
      { items: [], resourceVersion: '10' },
    );
    watcher.start();
    await clock.advance(200_000);
    expect(noted).toEqual(['paginated list of 0']);
  });

  test('is given up when a page does not come', async () => {
    watcher.start();
    server.hangs = true;
    await clock.advance(149_999);
    expect(noted).toEqual([]);
    await clock.advance(1);
    expect(noted).toEqual(['SilenceError: list in 100']);
  });
});

describe('a watch that ends', () => {
  test('by the server, as it should, is resumed at once and is no failure', async () => {
    await sync();
    server.stream.event('MODIFIED', thing('tenant/a', 11)).end();
    await flush();
    expect(server.calls).toEqual(['watch from 11']);
    expect(noted).toEqual([]);
  });

  test('is resumed from the last bookmark', async () => {
    await sync();
    server.stream.bookmark(500).end();
    await flush();
    expect(server.calls).toEqual(['watch from 500']);
  });

  test('by a broken connection is resumed, and events of the gap come through', async () => {
    await sync();
    server.stream.fail(new Error('ECONNRESET'));
    await flush();
    server.stream.event('DELETED', thing('tenant/a', 11));
    await flush();
    expect(told).toEqual(['deleted tenant/a']);
    expect(noted).toEqual(['Error: resume in 0']);
  });

  test('again and again is resumed with backoff, up to the cap, for ever', async () => {
    await sync();
    server.refusals.push(...Array.from({ length: 40 }, () => watchFailure('transient')));
    server.stream.fail(new Error('ECONNRESET'));
    await clock.advance(10 * MINUTE);
    expect(noted.slice(0, 5)).toEqual([
      'Error: resume in 0',
      'Error: resume in 100',
      'Error: resume in 200',
      'Error: resume in 400',
      'Error: resume in 800',
    ]);
    expect(noted.slice(10, 41)).toEqual(Array(31).fill('Error: resume in 5000'));
    expect(server.calls.every((call) => call === 'watch from 10')).toBe(true);
    expect(contentOf(store)).toEqual(['tenant/a=spec']);
  });

  test('soon after it was opened is resumed with backoff, though it delivered', async () => {
    await sync();
    for (let round = 11; round < 14; round += 1) {
      server.stream.event('MODIFIED', thing('tenant/a', round)).fail(new Error('reset'));
      await clock.advance(900);
    }
    expect(noted).toEqual(['Error: resume in 0', 'Error: resume in 100', 'Error: resume in 200']);
  });

  test('after it had been healthy again starts the backoff over', async () => {
    await sync();
    server.refusals.push(watchFailure('transient'), watchFailure('transient'));
    server.stream.fail(new Error('reset'));
    await clock.advance(1_000);
    server.stream.bookmark(20);
    await clock.advance(MINUTE);
    server.refusals.push(watchFailure('transient'));
    server.stream.fail(new Error('reset'));
    await clock.advance(1_000);
    expect(noted.slice(-2)).toEqual(['Error: resume in 0', 'Error: resume in 100']);
  });

  test('with Retry-After waits as long as the server asked for', async () => {
    await sync();
    server.refusals.push(watchFailure('transient', 30_000));
    server.stream.end();
    await clock.advance(31_499);
    expect(server.calls).toEqual(['watch from 10']);
    await clock.advance(1);
    expect(server.calls).toEqual(['watch from 10', 'watch from 10']);
  });

  test('with an error in the stream is resumed, its Retry-After kept', async () => {
    await sync();
    server.stream.error({ code: 429, reason: 'TooManyRequests', details: { retryAfterSeconds: 10 } });
    await clock.advance(10_499);
    expect(server.calls).toEqual([]);
    await clock.advance(1);
    expect(server.calls).toEqual(['watch from 10']);
    expect(noted).toEqual(['WatchStatusError: resume in 10500']);
  });
});

describe('a version that has expired', () => {
  test('relists after 410 in the stream, and finds deletions that happened during the gap', async () => {
    await sync();
    server.stream.error({ code: 410, reason: 'Expired' });
    await flush();
    expect(server.calls).toEqual(['watch with list']);
    server.stream.event('ADDED', thing('tenant/b', 20)).bookmark(30, true);
    await flush();
    expect(told.sort()).toEqual(['added tenant/b', 'deleted tenant/a']);
  });

  test('relists after 410 on resume', async () => {
    await sync();
    server.refusals.push(watchFailure('expired'));
    server.stream.end();
    await clock.advance(100);
    expect(server.calls).toEqual(['watch from 10', 'watch with list']);
  });

  test('never makes the store look empty in between', async () => {
    await sync();
    server.stream.error({ code: 410, reason: 'Gone' });
    await clock.advance(1_000);
    server.stream.event('ADDED', thing('tenant/b', 20));
    await flush();
    expect(contentOf(store)).toEqual(['tenant/a=spec']);
    expect(watcher.hasSynced).toBe(true);
    expect(told).toEqual([]);
  });

  test('backs off where lists succeed and every watch expires at once', async () => {
    server.refusals.push(watchFailure('unsupported'));
    for (let round = 0; round < 20; round += 1) {
      server.pages.push({ items: [], resourceVersion: '10' });
      server.refusals.push(watchFailure('expired'));
    }
    watcher.start();
    await clock.advance(10_000);
    expect(server.calls.filter((call) => call === 'list').length).toBeLessThan(9);
  });
});

describe('damage on the way', () => {
  test('a malformed line is reported, and the watch resumed from the last good version', async () => {
    await sync();
    server.stream.event('ADDED', thing('tenant/b', 11)).text('{"type":"ADDED","obj\n');
    server.stream.event('ADDED', thing('tenant/c', 13));
    await flush();
    expect(noted).toEqual(['MalformedWatchError: resume in 0']);
    expect(server.calls).toEqual(['watch from 11']);
    expect(contentOf(store)).toEqual(['tenant/a=spec', 'tenant/b=spec']);
  });

  test.each([
    ['no JSON object', 'null'],
    ['an unknown type', '{"type":"RENAMED","object":{}}'],
    ['no version', '{"type":"ADDED","object":{"metadata":{"name":"a","uid":"u"}}}'],
    ['no number for a version', '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"x1"}}}'],
    ['no name', '{"type":"ADDED","object":{"metadata":{"uid":"u","resourceVersion":"12"}}}'],
  ])('a line with %s is malformed', async (_, line) => {
    await sync();
    server.stream.text(`${line}\n`);
    await flush();
    expect(noted).toEqual(['MalformedWatchError: resume in 0']);
  });

  test('a stream that ends inside a line is reported and resumed', async () => {
    await sync();
    server.stream.text('{"type":"ADDED","object":{"metadata":').end();
    await flush();
    expect(noted).toEqual(['MalformedWatchError: resume in 0']);
    expect(server.calls).toEqual(['watch from 10']);
  });

  test('a server that repeats stale events is harmless', async () => {
    await sync();
    server.stream
      .event('MODIFIED', thing('tenant/a', 11, { spec: 'new' }))
      .event('ADDED', thing('tenant/b', 12))
      .event('DELETED', thing('tenant/b', 13))
      .event('MODIFIED', thing('tenant/a', 9, { spec: 'old' }))
      .event('ADDED', thing('tenant/b', 12))
      .bookmark(8)
      .end();
    await flush();
    expect(contentOf(store)).toEqual(['tenant/a=new']);
    expect(server.calls).toEqual(['watch from 13']);
  });
});

describe('silence', () => {
  test('for too long is a dead connection, which is resumed', async () => {
    await sync();
    const dead = server.stream;
    await clock.advance(147_999);
    expect(dead.aborted).toBe(false);
    await clock.advance(1);
    expect(dead.aborted).toBe(true);
    expect(noted).toEqual(['SilenceError: resume in 0']);
    expect(server.calls).toEqual(['watch from 10']);
  });

  test('is ended by a bookmark, or by half a line', async () => {
    await sync();
    for (let minute = 0; minute < 10; minute += 1) {
      await clock.advance(2 * MINUTE);
      if (minute % 2 === 0) server.stream.text('{"type":"BOOKMARK",');
      else server.stream.text('"object":{"metadata":{"resourceVersion":"20"}}}\n');
      await flush();
    }
    expect(noted).toEqual([]);
    expect(server.calls).toEqual([]);
  });

  test('before the first answer is a dead connection too', async () => {
    server.hangs = true;
    watcher.start();
    await clock.advance(150_000);
    expect(noted).toEqual(['SilenceError: list in 0']);
    server.hangs = false;
  });

  test('again, long after the last list, relists: the server may have gone back to a backup', async () => {
    await sync();
    for (let minute = 0; minute < 30; minute += 1) {
      server.stream.bookmark(20 + minute);
      await clock.advance(MINUTE);
    }
    await clock.advance(5 * MINUTE);
    expect(server.calls).toEqual(['watch from 49', 'watch with list']);
    server.stream.event('ADDED', thing('tenant/restored', 5)).bookmark(7, true);
    await flush();
    expect(contentOf(store)).toEqual(['tenant/restored=spec']);
  });
});

describe('a quiet resource', () => {
  test('takes no list in ten idle minutes', async () => {
    await sync();
    for (let minute = 0; minute < 10; minute += 1) {
      await clock.advance(MINUTE);
      if (minute === 7) server.stream.end();
      else server.stream.bookmark(20 + minute);
    }
    expect(server.calls).toEqual(['watch from 26']);
  });

  test('takes no list in ten idle minutes either where the server sends no bookmark', async () => {
    await sync();
    await clock.advance(10 * MINUTE);
    expect(new Set(server.calls)).toEqual(new Set(['watch from 10']));
  });

  test('is listed again after the relist interval, when its watch ends', async () => {
    await sync();
    for (let hour = 0; hour < 13; hour += 1) {
      for (let minute = 0; minute < 60; minute += 1) {
        server.stream.bookmark(20 + hour);
        await clock.advance(MINUTE);
      }
      server.stream.end();
    }
    await flush();
    expect(server.calls.filter((call) => call === 'watch with list')).toHaveLength(1);
  });
});

describe('the wait for the first list', () => {
  test('is ended by an abort', async () => {
    watcher.start();
    const stop = new AbortController();
    const waiting = watcher.waitForSync(stop.signal);
    stop.abort(new Error('stopping'));
    await expect(waiting).rejects.toThrow('stopping');
  });
});

describe('stopping', () => {
  test('ends the watch and leaves nothing behind', async () => {
    await sync();
    await watcher.stop();
    expect(server.stream.aborted).toBe(true);
    expect(noted).toEqual([]);
  });

  test('ends a backoff', async () => {
    server.refusals.push(watchFailure('transient', 3_600_000));
    watcher.start();
    await flush();
    await watcher.stop();
    expect(server.calls).toEqual(['watch with list']);
  });

  test('may come from the signal it was started with', async () => {
    const stop = new AbortController();
    watcher.start(stop.signal);
    await flush();
    stop.abort();
    await flush();
    expect(server.stream.aborted).toBe(true);
  });
});
