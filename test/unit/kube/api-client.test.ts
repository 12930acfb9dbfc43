import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiClient, type ApiClientOptions, type ApiRequest } from '../../../src/kube/api-client.ts';
import { Credentials } from '../../../src/kube/credentials.ts';
import { InFlightLimiter } from '../../../src/kube/in-flight-limiter.ts';
import { createListWatch } from '../../../src/kube/list-watch.ts';
import { FakeClock } from '../runtime/fake-clock.ts';
import {
  answer,
  clientFor,
  DummyApiServer,
  kubeConfigFor,
  type Respond,
  status,
} from './dummy-api-server.ts';

/** Sleeps end at once and are remembered. */
class ImpatientClock extends FakeClock {
  readonly slept: number[] = [];

  override sleep(delayMs: number): Promise<void> {
    this.slept.push(delayMs);
    return Promise.resolve();
  }
}

const get: ApiRequest = {
  operation: { verb: 'get', resource: 'pods', namespace: 'a', name: 'b' },
  method: 'GET',
  path: '/api/v1/namespaces/a/pods/b',
};
const create: ApiRequest = {
  operation: { verb: 'create', resource: 'pods', namespace: 'a', name: 'b' },
  method: 'POST',
  path: '/api/v1/namespaces/a/pods',
  body: { metadata: { name: 'b' } },
};

function fixturePair(name: string): { cert: Buffer; key: Buffer } {
  const read = (end: string): Buffer =>
    readFileSync(join(import.meta.dirname, `fixtures/${name}.${end}.pem`));
  return { cert: read('crt'), key: read('key') };
}

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setUp(respond: Respond, options: Partial<ApiClientOptions> = {}) {
  const server = await DummyApiServer.start(respond);
  const clock = new ImpatientClock();
  const client = clientFor(server, options, clock);
  cleanups.push(
    () => server.stop(),
    () => client.close(),
  );
  return { server, client, clock };
}

/** Answers the first requests in turn, and every later one as the last. */
function inTurn(...answers: readonly ((response: ServerResponse) => void)[]): Respond {
  let next = 0;
  return (_request, response) => {
    answers[Math.min(next, answers.length - 1)]?.(response);
    next += 1;
  };
}

const ok = (response: ServerResponse): void => answer(response, 200, { ok: true });
const reset = (response: ServerResponse): void => void response.socket?.resetAndDestroy();
const fail =
  (code: number, reason: string, headers = {}) =>
  (response: ServerResponse): void =>
    answer(response, code, status(code, reason), headers);

describe('what is sent', () => {
  it('carries who we are, what we send and what we take', async () => {
    const { server, client } = await setUp(inTurn(ok));
    expect(await client.request(create)).toEqual({ ok: true });
    expect(server.received[0]).toMatchObject({
      method: 'POST',
      url: '/api/v1/namespaces/a/pods',
      body: '{"metadata":{"name":"b"}}',
      headers: {
        authorization: 'Bearer t',
        'user-agent': 'security-baseline-operator/0.0.0',
        'content-type': 'application/json',
        accept: 'application/json',
      },
    });
  });

  it('goes under the path of a server behind a proxy', async () => {
    const { server } = await setUp(inTurn(ok));
    const clock = new FakeClock();
    const load = () => kubeConfigFor(`${server.origin}/k8s/clusters/c-1/`);
    const client = new ApiClient({ credentials: new Credentials({ clock, load }), clock, version: '0' });
    cleanups.push(() => client.close());
    await client.request(get);
    expect(server.received[0]?.url).toBe('/k8s/clusters/c-1/api/v1/namespaces/a/pods/b');
  });

  // Two and not one: undici rests a connection for one turn of the event loop before it uses it again.
  it('uses two connections at most for requests in a row', async () => {
    const { server, client } = await setUp(inTurn(ok));
    for (let time = 0; time < 9; time += 1) await client.request(create);
    expect(await server.connections()).toBeLessThanOrEqual(2);
  });

  it('leaves the connections of requests alone when watches are open', async () => {
    const { client } = await setUp(
      (request, response) => {
        if (!request.url.includes('watch')) ok(response);
        else response.writeHead(200).write('{}\n');
      },
      { connections: 2 },
    );
    const watch = {
      ...get,
      path: '/api/v1/pods?watch=true',
      operation: { verb: 'watch', resource: 'pods' },
    } as const;
    for (let opened = 0; opened < 3; opened += 1) await client.stream(watch);
    await expect(client.request(get)).resolves.toEqual({ ok: true });
  });
});

describe('what is sent again', () => {
  it('a read whose connection was reset', async () => {
    const { server, client } = await setUp(inTurn(reset, ok));
    expect(await client.request(get)).toEqual({ ok: true });
    expect(server.received).toHaveLength(2);
  });

  it('never a create whose connection was reset: it may have been done', async () => {
    const { server, client } = await setUp(inTurn(reset, ok));
    await expect(client.request(create)).rejects.toMatchObject({ kind: 'network' });
    expect(server.received).toHaveLength(1);
  });

  it('never a create whose answer was cut off', async () => {
    const { server, client } = await setUp((_request, response) => {
      response.writeHead(201, { 'content-length': '100' });
      response.write('{"half":', () => response.socket?.destroy());
    });
    await expect(client.request(create)).rejects.toMatchObject({ kind: 'network' });
    expect(server.received).toHaveLength(1);
  });

  it('a create that met 429, after the time that the server asked for', async () => {
    const { server, client, clock } = await setUp(
      inTurn(fail(429, 'TooManyRequests', { 'retry-after': '2' }), (response) =>
        answer(response, 201, { made: 1 }),
      ),
    );
    expect(await client.request(create)).toEqual({ made: 1 });
    expect(server.received).toHaveLength(2);
    expect(clock.slept[0]).toBeGreaterThanOrEqual(2000);
    expect(clock.slept[0]).toBeLessThanOrEqual(2500);
  });

  it('what met a 5xx only where the server asks to have it again', async () => {
    const asked = await setUp(inTurn(fail(503, 'ServiceUnavailable', { 'retry-after': '1' }), ok));
    await asked.client.request(create);
    expect(asked.server.received).toHaveLength(2);
    const silent = await setUp(inTurn(fail(500, 'InternalError'), ok));
    await expect(silent.client.request(create)).rejects.toMatchObject({ kind: 'unavailable', status: 500 });
    expect(silent.server.received).toHaveLength(1);
  });

  it('a bounded number of times', async () => {
    const { server, client } = await setUp(inTurn(fail(429, 'TooManyRequests', { 'retry-after': '1' })));
    await expect(client.request(create)).rejects.toMatchObject({
      kind: 'tooManyRequests',
      retryAfterMs: 1000,
    });
    expect(server.received).toHaveLength(4);
  });

  it('not where the server wants a long pause: that belongs into the queue', async () => {
    const { server, client } = await setUp(inTurn(fail(429, 'TooManyRequests', { 'retry-after': '60' })));
    await expect(client.request(create)).rejects.toMatchObject({ retryAfterMs: 60_000 });
    expect(server.received).toHaveLength(1);
  });
});

describe('time limits and aborts', () => {
  it('gives up on a server that does not answer', async () => {
    const { client } = await setUp(() => {});
    await expect(client.request({ ...create, timeoutMs: 20 })).rejects.toMatchObject({ kind: 'timeout' });
  });

  it('stops a request in flight when its signal fires', async () => {
    const controller = new AbortController();
    const { client } = await setUp(() => controller.abort(new Error('stopping')));
    await expect(client.request({ ...create, signal: controller.signal })).rejects.toMatchObject({
      kind: 'aborted',
    });
  });

  it('sends nothing for a signal that has fired', async () => {
    const { server, client } = await setUp(inTurn(ok));
    await expect(client.request({ ...create, signal: AbortSignal.abort() })).rejects.toMatchObject({
      kind: 'aborted',
    });
    expect(server.received).toHaveLength(0);
  });

  it('fails requests in flight and later ones as aborted or broken when it is closed', async () => {
    let arrived = (): void => {};
    const hasArrived = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const { client } = await setUp(() => arrived());
    const pending = expect(client.request(create)).rejects.toMatchObject({ name: 'ApiError' });
    await hasArrived;
    await client.close();
    await pending;
    await expect(client.request(get)).rejects.toMatchObject({ kind: 'aborted' });
  });
});

describe('the guard', () => {
  const refuse = (isWrite: boolean): void => {
    if (isWrite) throw new Error('no longer the leader');
  };

  it('keeps a write from being sent, and lets reads pass', async () => {
    const { server, client } = await setUp(inTurn(ok), { beforeRequest: refuse });
    await expect(client.request(create)).rejects.toThrow('no longer the leader');
    await client.request(get);
    expect(server.received.map(({ method }) => method)).toEqual(['GET']);
  });

  it('is asked when the turn has come, not when the write began to wait for it', async () => {
    const clock = new FakeClock();
    const limiter = new InFlightLimiter({ clock, min: 1, max: 1 });
    let isLeader = true;
    const { server, client } = await setUp(inTurn(ok), {
      limiter,
      beforeRequest: () => refuse(!isLeader),
    });
    await limiter.acquire();
    const write = client.request(create);
    isLeader = false;
    limiter.release('answered');
    await expect(write).rejects.toThrow('no longer the leader');
    expect(server.received).toHaveLength(0);
  });

  it('is asked when a connection has opened, not when the write began to wait for it', async () => {
    let isLeader = true;
    // TLS, so that the client cannot have connected before the server has seen it.
    const server = await DummyApiServer.start((_request, response) => ok(response), fixturePair('first'));
    const client = clientFor(server, { beforeRequest: () => refuse(!isLeader) });
    cleanups.push(
      () => server.stop(),
      () => client.close(),
    );
    server.onConnection(() => {
      isLeader = false;
    });
    await expect(client.request(create)).rejects.toThrow('no longer the leader');
    isLeader = true;
    await client.request(get);
    expect(server.received.map(({ method }) => method)).toEqual(['GET']);
  });

  it('is asked again before a write is sent again', async () => {
    let asked = 0;
    const { server, client } = await setUp(inTurn(fail(429, 'TooManyRequests', { 'retry-after': '1' }), ok), {
      beforeRequest: (isWrite) => {
        asked += 1;
        if (asked > 1) refuse(isWrite);
      },
    });
    await expect(client.request(create)).rejects.toThrow('no longer the leader');
    expect(server.received).toHaveLength(1);
  });

  it('and the limiter do not hold up the lease', async () => {
    const limiter = new InFlightLimiter({ clock: new FakeClock(), min: 1, max: 1 });
    const { client } = await setUp(inTurn(ok), { limiter, beforeRequest: refuse });
    await limiter.acquire();
    await expect(client.request({ ...create, isCoordination: true })).resolves.toEqual({ ok: true });
  });
});

describe('an urgent request', () => {
  it('leaves all places to others once it is over and none has followed', async () => {
    const clock = new FakeClock();
    const limiter = new InFlightLimiter({ clock, max: 32 });
    const { client } = await setUp(inTurn(ok), { limiter });
    await client.request({ ...get, priority: 'urgent' });
    await clock.advance(200);
    const turns = Array.from({ length: 32 }, () => limiter.acquire('normal'));
    expect(turns.filter((turn) => turn === undefined)).toHaveLength(32);
  });

  it('is what the list of a watcher is: nothing is decided before it is there', async () => {
    const limiter = new InFlightLimiter({ clock: new FakeClock(), min: 1, max: 1 });
    const { server, client } = await setUp(
      inTurn((response) => answer(response, 200, { metadata: { resourceVersion: '1' } })),
      { limiter },
    );
    const pods = createListWatch(client, { group: '', version: 'v1', plural: 'pods', namespaced: true });
    await limiter.acquire();
    const other = client.request(get);
    const list = pods.list({ limit: 500 }, new AbortController().signal);
    limiter.release('answered');
    await Promise.all([other, list]);
    expect(server.received.map(({ url }) => url)).toEqual(['/api/v1/pods?limit=500', get.path]);
  });
});

describe('the lease', () => {
  it('goes through while every connection for requests waits for an answer', async () => {
    let arrived = (): void => {};
    const hasArrived = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const { client } = await setUp(
      ({ method }, response) => {
        if (method === 'PUT') ok(response);
        else arrived();
      },
      { connections: 1 },
    );
    const stuck = expect(client.request(create)).rejects.toThrow();
    await hasArrived;
    const renew: ApiRequest = { ...create, method: 'PUT', isCoordination: true, timeoutMs: 500 };
    await expect(client.request(renew)).resolves.toEqual({ ok: true });
    await client.close();
    await stuck;
  });
});

describe('what the server says of its load', () => {
  it('halves the requests in flight on 429', async () => {
    const { client } = await setUp(inTurn(fail(429, 'TooManyRequests', { 'retry-after': '1' }), ok));
    await client.request(create);
    expect(client.limiter.limit).toBe(16);
  });

  it('gives each place back, whatever became of the request', async () => {
    const { client } = await setUp(inTurn(fail(404, 'NotFound'), reset, ok));
    await expect(client.request(create)).rejects.toThrow();
    await expect(client.request(create)).rejects.toThrow();
    await client.request(create);
    expect(client.limiter.inFlight).toBe(0);
    expect(client.limiter.limit).toBe(32);
  });
});

describe('the observer', () => {
  it('is told of each attempt, with the status or the kind of failure', async () => {
    const codes: string[] = [];
    const { client } = await setUp(inTurn(fail(429, 'TooManyRequests', { 'retry-after': '1' }), reset), {
      observer: ({ operation, code }) => codes.push(`${operation.verb} ${code}`),
    });
    await expect(client.request(create)).rejects.toThrow();
    expect(codes).toEqual(['create 429', 'create network']);
  });
});

describe('streams', () => {
  const watch = { ...get, operation: { verb: 'watch', resource: 'pods' } } as const;

  it('yield what arrives until the server ends them', async () => {
    const { client } = await setUp((_request, response) => response.end('{"a":1}\n{"a":2}\n'));
    let text = '';
    for await (const chunk of (await client.stream(watch)).chunks) text += Buffer.from(chunk).toString();
    expect(text).toBe('{"a":1}\n{"a":2}\n');
  });

  it('fail with what the server answered', async () => {
    const { client } = await setUp(inTurn(fail(410, 'Expired')));
    await expect(client.stream(watch)).rejects.toMatchObject({ kind: 'gone', watchFailure: 'expired' });
  });

  it('fail as broken when the connection breaks in the middle', async () => {
    const { client } = await setUp((_request, response) => {
      response.writeHead(200);
      response.write('{"a":1}\n', () => response.socket?.destroy());
    });
    const read = async () => {
      for await (const chunk of (await client.stream(watch)).chunks) void chunk;
    };
    await expect(read()).rejects.toMatchObject({ kind: 'network', watchFailure: 'transient' });
  });
});
