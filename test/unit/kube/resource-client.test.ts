import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../../src/kube/api-client.ts';
import { KubeLeaseLock } from '../../../src/kube/lease-lock.ts';
import { createListWatch } from '../../../src/kube/list-watch.ts';
import {
  type KubeObject,
  ResourceClient,
  type ResourceDefinition,
} from '../../../src/kube/resource-client.ts';
import type { ObjectWithMeta } from '../../../src/runtime/list-watch.ts';
import { answer, clientFor, DummyApiServer, type Respond, status } from './dummy-api-server.ts';

const roles: ResourceDefinition = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'roles',
  namespaced: true,
};
const namespaces: ResourceDefinition = { group: '', version: 'v1', plural: 'namespaces', namespaced: false };
const strict = 'fieldManager=security-baseline-operator&fieldValidation=Strict';
const role: KubeObject = { metadata: { name: 'a', namespace: 'team', resourceVersion: '7' } };

let server: DummyApiServer;
let client: ApiClient;
let respond: Respond;

beforeEach(async () => {
  respond = (_request, response) => answer(response, 200, {});
  server = await DummyApiServer.start((request, response) => respond(request, response));
  client = clientFor(server);
});

afterEach(async () => {
  await client.close();
  await server.stop();
});

function sent(): string {
  const request = server.received.at(-1);
  return `${request?.method} ${request?.url}`;
}

describe('ResourceClient', () => {
  const rolesPath = '/apis/rbac.authorization.k8s.io/v1/namespaces/team/roles';

  it.each<[string, (all: ResourceClient<KubeObject>) => Promise<unknown>, string]>([
    ['get', (all) => all.get('a', 'team'), `GET ${rolesPath}/a`],
    ['get of a name with a colon', (all) => all.get('x:y/z', 'team'), `GET ${rolesPath}/x%3Ay%2Fz`],
    ['create', (all) => all.create(role), `POST ${rolesPath}?${strict}`],
    [
      'create as a dry run',
      (all) => all.create(role, { dryRun: true }),
      `POST ${rolesPath}?${strict}&dryRun=All`,
    ],
    ['replace', (all) => all.replace(role), `PUT ${rolesPath}/a?${strict}`],
    [
      'replace of a status',
      (all) => all.replace(role, { subresource: 'status' }),
      `PUT ${rolesPath}/a/status?${strict}`,
    ],
    ['patch', (all) => all.mergePatch('a', 'team', {}), `PATCH ${rolesPath}/a?${strict}`],
    ['apply', (all) => all.apply(role), `PATCH ${rolesPath}/a?${strict}`],
    ['forced apply', (all) => all.apply(role, { force: true }), `PATCH ${rolesPath}/a?${strict}&force=true`],
    ['delete', (all) => all.delete('a', 'team'), `DELETE ${rolesPath}/a`],
  ])('addresses a %s', async (_name, call, expected) => {
    await call(new ResourceClient(client, roles));
    expect(sent()).toBe(expected);
  });

  it('addresses cluster-scoped kinds of the core group', async () => {
    await new ResourceClient(client, namespaces).mergePatch('team', undefined, { metadata: {} });
    expect(sent()).toBe(`PATCH /api/v1/namespaces/team?${strict}`);
    expect(server.received[0]?.headers['content-type']).toBe('application/merge-patch+json');
  });

  it('sends an apply as the type that every server with apply reads', async () => {
    await new ResourceClient(client, roles).apply(role);
    expect(server.received[0]?.headers['content-type']).toBe('application/apply-patch+yaml');
  });

  it('refuses an empty name, which would address the whole collection', async () => {
    await expect(new ResourceClient(client, roles).delete('', 'team')).rejects.toThrow(
      /name must not be empty/,
    );
    expect(server.received).toHaveLength(0);
  });

  it('deletes the very object that is meant', async () => {
    await new ResourceClient(client, roles).delete('a', 'team', {
      uid: 'u',
      resourceVersion: '7',
      dryRun: true,
    });
    expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      preconditions: { uid: 'u', resourceVersion: '7' },
      dryRun: ['All'],
    });
  });

  it('reads all pages of a list', async () => {
    respond = ({ url }, response) =>
      url.includes('continue=more')
        ? answer(response, 200, { metadata: { resourceVersion: '9' }, items: [role] })
        : answer(response, 200, {
            metadata: { resourceVersion: '9', continue: 'more' },
            items: [role, role],
          });
    const list = await new ResourceClient(client, roles).list({ labelSelector: 'a in (b,c)' });
    expect(list.items).toHaveLength(3);
    expect(server.received.map(({ url }) => url)).toEqual([
      '/apis/rbac.authorization.k8s.io/v1/roles?limit=500&labelSelector=a+in+%28b%2Cc%29',
      '/apis/rbac.authorization.k8s.io/v1/roles?limit=500&continue=more&labelSelector=a+in+%28b%2Cc%29',
    ]);
  });

  it('reads a list in one piece where its pages expire, and counts nothing twice', async () => {
    respond = ({ url }, response) => {
      if (url.includes('continue')) answer(response, 410, status(410, 'Expired'));
      else if (url.includes('limit')) {
        answer(response, 200, { metadata: { resourceVersion: '9', continue: 'more' }, items: [role, role] });
      } else answer(response, 200, { metadata: { resourceVersion: '10' }, items: [role, role, role] });
    };
    const list = await new ResourceClient(client, roles).list();
    expect(list).toEqual({ items: [role, role, role], resourceVersion: '10' });
  });
});

describe('createListWatch', () => {
  const { signal } = new AbortController();
  const listWatch = () => createListWatch<ObjectWithMeta>(client, roles, { labelSelector: 'a=b' });

  it('names its resource with the group', () => {
    expect(listWatch().resource).toBe('roles.rbac.authorization.k8s.io');
    expect(createListWatch(client, namespaces).resource).toBe('namespaces');
  });

  it('lists a page', async () => {
    respond = (_request, response) =>
      answer(response, 200, { metadata: { resourceVersion: '3', continue: 'c' }, items: null });
    expect(await listWatch().list({ limit: 10 }, signal)).toEqual({
      items: [],
      resourceVersion: '3',
      continueToken: 'c',
    });
    expect(sent()).toBe('GET /apis/rbac.authorization.k8s.io/v1/roles?limit=10&labelSelector=a%3Db');
  });

  it('asks for the newest state as a stream', async () => {
    await listWatch().watch({ sendInitialEvents: true, timeoutSeconds: 60 }, signal);
    const query = new URLSearchParams(server.received[0]?.url.split('?')[1]);
    expect(Object.fromEntries(query)).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: '60',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      labelSelector: 'a=b',
    });
  });

  it('resumes after a version', async () => {
    await listWatch().watch({ resourceVersion: '5', sendInitialEvents: false, timeoutSeconds: 60 }, signal);
    const query = new URLSearchParams(server.received[0]?.url.split('?')[1]);
    expect(query.get('resourceVersion')).toBe('5');
    expect(query.has('sendInitialEvents')).toBe(false);
    expect(query.has('resourceVersionMatch')).toBe(false);
  });

  it.each([
    [410, 'Expired', true, 'expired'],
    [422, 'Invalid', true, 'unsupported'],
    [400, 'BadRequest', true, 'unsupported'],
    [422, 'Invalid', false, 'transient'],
    [403, 'Forbidden', true, 'transient'],
    [500, 'InternalError', true, 'transient'],
  ])('answers %i %s (streaming list: %s) as %s', async (code, reason, sendInitialEvents, watchFailure) => {
    respond = (_request, response) => answer(response, code, status(code, reason));
    const watch = listWatch().watch({ sendInitialEvents, timeoutSeconds: 60 }, signal);
    await expect(watch).rejects.toMatchObject({ watchFailure });
  });
});

describe('KubeLeaseLock', () => {
  const { signal } = new AbortController();
  const path = '/apis/coordination.k8s.io/v1/namespaces/ops/leases';
  const record = {
    holderIdentity: 'me',
    leaseDurationSeconds: 15,
    acquireTimeMs: Date.UTC(2026, 0, 1),
    renewTimeMs: Date.UTC(2026, 0, 1, 0, 0, 1, 5),
    leaseTransitions: 2,
  };
  const lease = {
    metadata: { name: 'leader', namespace: 'ops', resourceVersion: '4' },
    spec: {
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:01.005000Z',
      leaseTransitions: 2,
    },
  };
  const lock = () => new KubeLeaseLock(client, 'ops', 'leader');

  it('reads the lease with its version', async () => {
    respond = (_request, response) => answer(response, 200, lease);
    expect(await lock().read(signal)).toEqual({ ...record, resourceVersion: '4' });
    expect(sent()).toBe(`GET ${path}/leader`);
  });

  it('says where there is none', async () => {
    respond = (_request, response) => answer(response, 404, status(404, 'NotFound'));
    expect(await lock().read(signal)).toBeUndefined();
  });

  it('writes times in microseconds', async () => {
    respond = (_request, response) => answer(response, 201, lease);
    await lock().create(record, signal);
    expect(sent()).toBe(`POST ${path}`);
    expect(JSON.parse(server.received[0]?.body ?? '')).toMatchObject({ spec: lease.spec });
  });

  it('updates the version that was read and no other', async () => {
    respond = (_request, response) => answer(response, 409, status(409, 'Conflict'));
    await expect(lock().update({ ...record, resourceVersion: '4' }, signal)).rejects.toMatchObject({
      kind: 'conflict',
    });
    expect(sent()).toBe(`PUT ${path}/leader`);
    expect(JSON.parse(server.received[0]?.body ?? '')).toMatchObject({ metadata: { resourceVersion: '4' } });
  });

  it('refuses an update without a version, which would overwrite another leader', async () => {
    await expect(lock().update({ ...record, resourceVersion: '' }, signal)).rejects.toThrow(
      /resourceVersion/,
    );
    expect(server.received).toHaveLength(0);
  });
});
