import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/runtime/store.ts';
import { Watcher } from '../../../src/runtime/watcher.ts';
import { FakeClock, flush } from './fake-clock.ts';
import { FakeListWatch, type FakeStream, watchFailure } from './fake-list-watch.ts';
import { contentOf, type Thing, type ThingRecord, thing, thingStore } from './objects.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SILENCE = 150_000;

let clock: FakeClock;
let server: FakeListWatch;
let store: Store<ThingRecord, Thing>;
let watcher: Watcher<ThingRecord, Thing>;

function watcherOf(silenceMs: number): Watcher<ThingRecord, Thing> {
  return new Watcher({ listWatch: server, store, clock, random: () => 0.5, silenceMs });
}

beforeEach(() => {
  clock = new FakeClock();
  server = new FakeListWatch();
  store = thingStore();
  watcher = watcherOf(SILENCE);
});

afterEach(async () => {
  // What the test still had in mind.
  await clock.advance(MINUTE);
  await watcher.stop();
  expect(clock.pendingTimers).toBe(0);
});

/** Milliseconds since the last sign of life. */
function age(): number {
  return clock.monotonic() - (watcher.lastActivityMs ?? Number.NaN);
}

/** Brings the watcher to a watch that has delivered and lived: one thing `tenant/a` at 1, the list at 10. */
async function sync(): Promise<void> {
  watcher.start();
  await flush();
  server.stream.event('ADDED', thing('tenant/a', 1)).bookmark(10, true);
  await clock.advance(2_000);
}

/** Lets time pass second by second, in which `play` answers each watch that is opened; returns the greatest age seen. */
async function pass(ms: number, play: (stream: FakeStream) => void): Promise<number> {
  let answered = server.streams.length;
  let oldest = 0;
  for (const end = clock.monotonic() + ms; clock.monotonic() < end; ) {
    await clock.advance(1_000);
    for (; answered < server.streams.length; answered += 1) play(server.streams[answered] as FakeStream);
    await flush();
    oldest = Math.max(oldest, age());
  }
  return oldest;
}

describe('a sign of life', () => {
  test('is a complete list, not the opening of its stream nor a part of it', async () => {
    watcher.start();
    await flush();
    server.stream.event('ADDED', thing('tenant/a', 1));
    await flush();
    expect(watcher.lastActivityMs).toBeUndefined();
    await clock.advance(MINUTE);
    server.stream.bookmark(10, true);
    await flush();
    expect(age()).toBe(0);
  });

  test('is a complete list in pages, not its first page', async () => {
    server.refusals.push(watchFailure('unsupported'));
    server.pages.push({ items: [], resourceVersion: '10', continueToken: 'one' });
    server.pages.push(watchFailure('transient'));
    server.pages.push({ items: [], resourceVersion: '10' });
    watcher.start();
    await flush();
    expect(server.calls.at(-1)).toBe('list after one');
    expect(watcher.lastActivityMs).toBeUndefined();
    await clock.advance(1_000);
    expect(watcher.lastActivityMs).toBeDefined();
  });

  test('is an event, or a bookmark', async () => {
    await sync();
    await clock.advance(MINUTE);
    server.stream.event('MODIFIED', thing('tenant/a', 11));
    await flush();
    expect(age()).toBe(0);
    await clock.advance(MINUTE);
    server.stream.bookmark(12);
    await flush();
    expect(age()).toBe(0);
  });

  test('is no half a line, and none that cannot be read', async () => {
    await sync();
    server.stream.text('{"type":"BOOKMARK",');
    await flush();
    expect(age()).toBe(2_000);
  });

  test('is the opening of a watch that resumes', async () => {
    await sync();
    await clock.advance(MINUTE);
    server.stream.fail(new Error('reset'));
    await flush();
    expect(age()).toBe(0);
  });
});

describe('a quiet resource stays heard of', () => {
  test('where its watches are silent, though the server sends no bookmark', async () => {
    await sync();
    const oldest = await pass(HOUR, (stream) => {
      if (stream.query.sendInitialEvents) stream.bookmark(10, true);
    });
    expect(oldest).toBeLessThan(2 * SILENCE);
    expect(server.calls.filter((call) => call === 'watch from 10').length).toBeGreaterThan(10);
  });

  test('where something on the way cuts each idle connection after some time', async () => {
    await sync();
    const oldest = await pass(HOUR, (stream) =>
      clock.setTimeout(() => stream.fail(new Error('reset')), 30_000),
    );
    expect(oldest).toBeLessThan(2 * SILENCE);
  });

  test('where a silence of seconds is too long already', async () => {
    watcher = watcherOf(2_000);
    await sync();
    expect(await pass(10 * MINUTE, () => undefined)).toBeLessThan(2 * 2_000);
  });

  test('through an error page at the worst time, while the server restarts', async () => {
    await sync();
    await clock.advance(SILENCE);
    await clock.advance(SILENCE - 5_000);
    server.refusals.push(...Array.from({ length: 8 }, () => watchFailure('transient')));
    server.stream.text('<html>bad gateway</html>\n');
    expect(await pass(10 * MINUTE, () => undefined)).toBeLessThan(2 * SILENCE);
  });

  test('through damage now and then', async () => {
    await sync();
    const oldest = await pass(HOUR, (stream) => {
      if (server.streams.length % 2 === 0) stream.text('<html>busy</html>\n');
    });
    expect(oldest).toBeLessThan(2 * SILENCE);
  });
});

describe('after error pages', () => {
  const page = (stream: FakeStream): void => void stream.text('<html>proxy error</html>\n');

  beforeEach(async () => {
    await sync();
    page(server.stream);
    await flush();
    page(server.stream);
    await pass(MINUTE, page);
    expect(age()).toBeGreaterThan(MINUTE / 2);
  });

  test('the opening of a watch counts again once one has said something', async () => {
    const [next] = server.streams.slice(-1);
    await pass(MINUTE, (stream) => stream !== next && stream.bookmark(11).end());
    expect(age()).toBeLessThan(MINUTE / 2);
    server.stream.bookmark(12).end();
    await clock.advance(10_000);
    const opened = server.streams.length;
    server.stream.end();
    await clock.advance(10_000);
    expect(server.streams.length).toBeGreaterThan(opened);
    expect(age()).toBeLessThanOrEqual(10_000);
  });

  test('the opening of a watch counts again once one was quiet for long', async () => {
    await pass(2 * SILENCE, () => undefined);
    expect(age()).toBeLessThan(SILENCE);
  });
});

describe('an age that grows for ever', () => {
  test.each<[string, (stream: FakeStream) => void]>([
    ['an error page', (stream) => stream.text('<html>proxy error</html>\n')],
    ['an error page without an end', (stream) => stream.text('<html>proxy error')],
    [
      'an error page, late',
      (stream) => clock.setTimeout(() => stream.text('<html>timeout</html>\n'), MINUTE),
    ],
    ['nothing, and ended at once', (stream) => stream.end()],
    ['an error of the server', (stream) => stream.error({ code: 500, reason: 'InternalError' })],
  ])('is that of a watch which is always opened and answered with %s', async (_, answer) => {
    await sync();
    server.stream.end();
    await flush();
    answer(server.stream);
    await pass(HOUR, answer);
    expect(server.streams.length).toBeGreaterThan(10);
    expect(age()).toBeGreaterThan(HOUR - 2 * SILENCE);
  });

  test('is that of a watch which is answered with error pages or not at all', async () => {
    await sync();
    const watch = server.watch.bind(server);
    server.watch = async (query, signal) => {
      server.hangs = server.calls.length % 3 === 2;
      return await watch(query, signal);
    };
    server.stream.end();
    await flush();
    const answer = (stream: FakeStream): void => void stream.text('<html>proxy error</html>\n');
    answer(server.stream);
    await pass(HOUR, answer);
    expect(age()).toBeGreaterThan(HOUR - 2 * SILENCE);
  });

  test('is that of a list which is always begun and comes to no end', async () => {
    await sync();
    server.stream.error({ code: 410, reason: 'Expired' });
    await pass(HOUR, (stream) => {
      server.pages.push(watchFailure('transient'));
      stream.event('ADDED', thing('tenant/b', 20)).fail(new Error('reset'));
    });
    expect(age()).toBeGreaterThan(HOUR - MINUTE);
  });

  test('is that of an event which the store cannot take, and ends when it can', async () => {
    await sync();
    const apply = store.apply.bind(store);
    store.apply = () => {
      throw new TypeError('not foreseen');
    };
    server.stream.end();
    await flush();
    const event = (stream: FakeStream): void => void stream.event('ADDED', thing('tenant/b', 11));
    event(server.stream);
    await pass(HOUR, event);
    expect(age()).toBeGreaterThan(HOUR - MINUTE);
    store.apply = apply;
    await pass(MINUTE, event);
    expect(age()).toBeLessThan(MINUTE);
    expect(contentOf(store)).toEqual(['tenant/a=spec', 'tenant/b=spec']);
  });
});
