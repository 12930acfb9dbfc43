import { expect, test } from 'vitest';
import type { ManagedKind } from '../../../src/api/kinds.ts';
import { managedKindNames } from '../../../src/api/kinds.ts';
import type { KubernetesObject } from '../../../src/api/objects.ts';
import { ChangeWriter, type WriteTarget } from '../../../src/controller/change-writer.ts';
import type { Change } from '../../../src/diff/change-set.ts';
import type { ObservedObject } from '../../../src/diff/observed.ts';
import type { ObservedNamespace } from '../../../src/diff/observed-namespace.ts';
import { ApiError } from '../../../src/kube/api-error.ts';

const namespace = { name: 'team-a', uid: 'uid-of-team-a', resourceVersion: '3' } as ObservedNamespace;
const observed = {
  kind: 'ServiceAccount',
  namespace: 'team-a',
  name: 'default',
  uid: 'uid-of-it',
  resourceVersion: '7',
} as ObservedObject;
const desired = {
  kind: 'ServiceAccount',
  name: 'default',
  manifest: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } },
};

type Requests = [string, object][];

/**
 * The metadata, or the preconditions, of what is sent for a change, by verb.
 *
 * @param refusal what becomes of the first create; undefined for success
 */
async function sent(change: unknown, refusal?: ApiError, requests: Requests = []): Promise<Requests> {
  let toRefuse = refusal;
  const answer = (verb: string, metadata: object): Promise<KubernetesObject> => {
    requests.push([verb, JSON.parse(JSON.stringify(metadata))]);
    return Promise.resolve({ metadata } as KubernetesObject);
  };
  const target: WriteTarget = {
    client: {
      create: (object) => {
        const answered = answer('create', object.metadata);
        const refused = toRefuse;
        toRefuse = undefined;
        return refused === undefined ? answered : Promise.reject(refused);
      },
      replace: (object) => answer('replace', object.metadata),
      apply: (object) => answer('apply', object.metadata),
      mergePatch: (_name, _namespace, patch) =>
        answer('patch', (patch as { readonly metadata: object }).metadata),
      delete: async (_name, _namespace, { uid, resourceVersion } = {}) =>
        void (await answer('delete', { uid, resourceVersion })),
    },
    observe: () => undefined,
  };
  const objects = Object.fromEntries(managedKindNames.map((kind) => [kind, target]));
  const writer = new ChangeWriter({
    objects: objects as Record<ManagedKind, WriteTarget>,
    namespaces: target,
  });
  const context = { priority: 'urgent', signal: new AbortController().signal } as const;
  await writer.write(change as Change, namespace, context);
  return requests;
}

const both = { uid: 'uid-of-it', resourceVersion: '7' };

test.each<[string, object, readonly [string, object][]]>([
  ['replaces', { action: 'replace', desired, observed }, [['replace', both]]],
  [
    'recreates',
    { action: 'recreate', desired: { ...desired, grantsTo: 'app' }, observed },
    [
      ['delete', both],
      ['create', {}],
    ],
  ],
  ['patches', { action: 'patch', desired, observed, pullSecrets: [] }, [['patch', both]]],
  ['deletes', { action: 'delete', observed }, [['delete', both]]],
  ['releases', { action: 'release', observed }, [['patch', both]]],
  [
    'denies the token of',
    { action: 'set-default-token', automount: false, account: observed },
    [['apply', both]],
  ],
  [
    'gives the token back to',
    { action: 'set-default-token', automount: undefined, account: observed },
    [['apply', both]],
  ],
])(
  'what it %s it names by UID and resourceVersion, so that a namesake is left alone',
  async (_, change, expected) => {
    const requests = await sent(change);
    expect(requests.map(([verb]) => verb)).toEqual(expected.map(([verb]) => verb));
    expect(requests).toMatchObject(expected);
  },
);

test('what it creates carries neither', async () => {
  const changes = [
    { action: 'create', desired },
    { action: 'set-default-token', automount: false, account: undefined },
  ];
  for (const change of changes) {
    const [[, metadata] = []] = await sent(change);
    expect(metadata).toEqual({ name: 'default', namespace: 'team-a' });
  }
});

test('the namespace it names by its UID alone, so that nobody who writes there all the time keeps it out', async () => {
  const label = { action: 'label', labels: { a: 'b' }, annotations: {}, loses: false };
  expect(await sent(label)).toEqual([
    ['apply', { name: 'team-a', uid: 'uid-of-team-a', labels: { a: 'b' } }],
  ]);
});

const operation = { verb: 'create', resource: 'resourcequotas' } as const;

test('what limits is deleted only once its successor is found good: the taken name is found last', async () => {
  const change = { action: 'recreate', desired, observed };
  const taken = new ApiError({ operation, kind: 'alreadyExists', status: 409, message: 'taken' });
  expect((await sent(change, taken)).map(([verb]) => verb)).toEqual(['create', 'delete', 'create']);
  const bad = new ApiError({ operation, kind: 'invalid', status: 422, message: 'no such scope' });
  const requests: Requests = [];
  await expect(sent(change, bad, requests)).rejects.toThrow('no such scope');
  expect(requests.map(([verb]) => verb)).toEqual(['create']);
});

test('what grants is deleted first, though its successor be refused', async () => {
  const change = { action: 'recreate', desired: { ...desired, grantsTo: 'app' }, observed };
  const bad = new ApiError({ operation, kind: 'forbidden', status: 403, message: 'may not grant' });
  const requests: Requests = [];
  await expect(sent(change, bad, requests)).rejects.toThrow('may not grant');
  expect(requests.map(([verb]) => verb)).toEqual(['delete', 'create']);
});
