import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { createListWatch } from '../../../src/kube/list-watch.ts';
import type { ResourceDefinition } from '../../../src/kube/resource-client.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import type { ListWatch, ObjectWithMeta, WatchEvent } from '../../../src/runtime/list-watch.ts';
import { identityOf, Store } from '../../../src/runtime/store.ts';
import { Watcher } from '../../../src/runtime/watcher.ts';
import { answer, clientFor, DummyApiServer, status } from './dummy-api-server.ts';
import { encode, envelope, type Field, frame, metadata } from './protobuf/encode.ts';

const roles: ResourceDefinition = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'roles',
  namespaced: true,
};
const baselines: ResourceDefinition = {
  group: 'securitybaseline.io',
  version: 'v1alpha1',
  plural: 'securitybaselines',
  namespaced: false,
};

const protobufFirst = 'application/vnd.kubernetes.protobuf;stream=watch, application/json';

let cleanUp: () => Promise<void> = async () => undefined;
afterEach(() => cleanUp());

/** A list watch of a server that answers watches so, in turn. */
async function setUp(
  definition: ResourceDefinition,
  ...answers: readonly ((response: ServerResponse) => void)[]
): Promise<{ listWatch: ListWatch<ObjectWithMeta>; accepted: () => (string | undefined)[] }> {
  const left = [...answers];
  const server = await DummyApiServer.start((_request, response) => left.shift()?.(response));
  const client = clientFor(server);
  cleanUp = async () => {
    await client.close();
    await server.stop();
  };
  return {
    listWatch: createListWatch(client, definition),
    accepted: () => server.received.map(({ headers }) => headers.accept),
  };
}

function addedLine(name: string): string {
  const object = { metadata: { name, uid: 'u', resourceVersion: '1' } };
  return `${JSON.stringify({ type: 'ADDED', object })}\n`;
}

function inJson(name: string): (response: ServerResponse) => void {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(addedLine(name));
  };
}

function inProtobuf(name: string, ...more: readonly Field[]): (response: ServerResponse) => void {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/vnd.kubernetes.protobuf;stream=watch' });
    response.end(frame('ADDED', envelope('Role', metadata(name, '1'), ...more)));
  };
}

/** The names that one watch tells. */
async function watched(listWatch: ListWatch<ObjectWithMeta>): Promise<string[]> {
  const names: string[] = [];
  const onEvent = (event: WatchEvent<ObjectWithMeta>): void => {
    if (event.type !== 'BOOKMARK') names.push(event.object.metadata.name);
  };
  const query = { resourceVersion: '1', sendInitialEvents: false, timeoutSeconds: 60 };
  const { chunks, decoder } = await listWatch.watch(query, AbortSignal.timeout(5000));
  for await (const chunk of chunks) decoder.push(chunk, onEvent);
  return names;
}

describe('a watch', () => {
  test('of a built-in kind is asked for as protobuf, and read as such', async () => {
    const { listWatch, accepted } = await setUp(roles, inProtobuf('a'));
    expect(await watched(listWatch)).toEqual(['a']);
    expect(accepted()).toEqual([protobufFirst]);
  });

  test('is read as JSON where the server answers so', async () => {
    const { listWatch, accepted } = await setUp(roles, inJson('a'), inProtobuf('b'));
    expect(await watched(listWatch)).toEqual(['a']);
    expect(await watched(listWatch)).toEqual(['b']);
    expect(accepted()).toEqual([protobufFirst, protobufFirst]);
  });

  test('of a custom resource is asked for as JSON', async () => {
    const { listWatch, accepted } = await setUp(baselines, inJson('a'));
    expect(await watched(listWatch)).toEqual(['a']);
    expect(accepted()).toEqual(['application/json']);
  });

  test('is asked for as JSON from then on, where it has fields that are not known here', async () => {
    const { listWatch, accepted } = await setUp(roles, inProtobuf('a', [9, 'new']), inJson('a'), inJson('b'));
    await expect(watched(listWatch)).rejects.toThrow('Role has a field 9, which is not known here');
    expect(await watched(listWatch)).toEqual(['a']);
    expect(await watched(listWatch)).toEqual(['b']);
    expect(accepted()).toEqual([protobufFirst, 'application/json', 'application/json']);
  });

  test('is asked for as JSON once, to get past an event that cannot be read', async () => {
    const refuse = (response: ServerResponse): void => answer(response, 503, status(503, 'Unavailable'));
    const unreadable = inProtobuf('a', [2, 7]);
    const { listWatch, accepted } = await setUp(roles, unreadable, refuse, inJson('a'), inProtobuf('b'));
    await expect(watched(listWatch)).rejects.toThrow('an event is no message');
    await expect(watched(listWatch)).rejects.toThrow('503');
    expect(await watched(listWatch)).toEqual(['a']);
    expect(await watched(listWatch)).toEqual(['b']);
    expect(accepted()).toEqual([protobufFirst, 'application/json', 'application/json', protobufFirst]);
  });

  test('that cannot be read in protobuf is listed anew by a watcher, and then holds everything', async () => {
    const bookmark = { annotations: { 'k8s.io/initial-events-end': 'true' }, resourceVersion: '2' };
    const { listWatch, accepted } = await setUp(roles, inProtobuf('a', [9, 'new']), (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      for (const name of ['a', 'b']) response.write(addedLine(name));
      response.write(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: bookmark } })}\n`);
    });
    const store = new Store({ project: identityOf, same: () => true });
    const failures: string[] = [];
    const watcher = new Watcher({
      listWatch,
      store,
      clock: systemClock,
      observer: { onFailure: (error, next) => failures.push(`${error.name}: ${next}`) },
    });
    watcher.start();
    await watcher.waitForSync(AbortSignal.timeout(5000));
    await watcher.stop();
    expect([...store].map(({ name }) => name)).toEqual(['a', 'b']);
    expect(failures).toEqual(['UnknownFieldError: list']);
    expect(accepted()).toEqual([protobufFirst, 'application/json']);
  });

  test('that is refused in protobuf says why', async () => {
    const refusal = envelope('Status', [3, 'not for you'], [4, 'Forbidden'], [5, encode([1, 'x'])], [6, 403]);
    const refuse = (body: Uint8Array) => (response: ServerResponse) => {
      response.writeHead(403, { 'content-type': 'application/vnd.kubernetes.protobuf' });
      response.end(body);
    };
    const { listWatch } = await setUp(roles, refuse(refusal), refuse(Buffer.from('k8s\0broken')));
    await expect(watched(listWatch)).rejects.toMatchObject({
      kind: 'forbidden',
      reason: 'Forbidden',
      details: { name: 'x' },
      message: 'watch roles: 403 Forbidden: not for you',
    });
    await expect(watched(listWatch)).rejects.toMatchObject({
      kind: 'forbidden',
      message: 'watch roles: 403',
    });
  });
});
