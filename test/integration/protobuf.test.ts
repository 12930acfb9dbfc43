import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ManagedKind, managedKindNames, managedKinds } from '../../src/api/kinds.ts';
import { ApiClient } from '../../src/kube/api-client.ts';
import { Credentials, kubeConfigLoader } from '../../src/kube/credentials.ts';
import { createListWatch } from '../../src/kube/list-watch.ts';
import { ProtobufWatchDecoder } from '../../src/kube/protobuf/watch-decoder.ts';
import type { ResourceDefinition } from '../../src/kube/resource-client.ts';
import { systemClock as clock } from '../../src/runtime/clock.ts';
import type { ListWatch, ObjectWithMeta, WatchEvent, WatchQuery } from '../../src/runtime/list-watch.ts';
import { sharedControlPlane } from '../support/control-plane.ts';
import { type Body, RestClient } from '../support/rest-client.ts';

// What a watch in protobuf says of an object is what its JSON says.

const namespace = `protobuf-${randomBytes(4).toString('hex')}`;
const metadata = {
  labels: { app: 'web', 'example.com/empty': '' },
  annotations: { note: 'grün 🌳 "quoted"\n', large: 'x'.repeat(100_000) },
  finalizers: ['example.com/hold'],
  ownerReferences: [
    { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: 'u', controller: false, blockOwnerDeletion: true },
    { apiVersion: 'v1', kind: 'ConfigMap', name: 'b', uid: 'v' },
  ],
};
const expressions = [
  { key: 'tier', operator: 'In', values: ['a', 'b'] },
  { key: 'old', operator: 'DoesNotExist' },
];

/** Objects of each kind: one with every field that it can have, and others with as little as they can. */
const objects: Readonly<Record<ManagedKind, Readonly<Record<string, Body>>>> = {
  NetworkPolicy: {
    full: {
      spec: {
        podSelector: { matchLabels: { app: 'web' }, matchExpressions: expressions },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [
          {
            from: [
              { namespaceSelector: { matchLabels: { team: 'b' } }, podSelector: {} },
              { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.2.0.0/16'] } },
            ],
            ports: [
              { protocol: 'UDP', port: 53 },
              { protocol: 'SCTP', port: 8000, endPort: 32_000 },
              { port: 'https' },
              { protocol: 'TCP' },
            ],
          },
          {},
        ],
        egress: [{ to: [{ podSelector: { matchExpressions: expressions } }] }, { ports: [{ port: 443 }] }],
      },
    },
    deny: { spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] } },
    open: { spec: { podSelector: {}, ingress: [{}] } },
  },
  ResourceQuota: {
    full: {
      spec: {
        hard: { 'requests.cpu': '1500m', 'limits.memory': '16Gi', pods: '0', 'count/secrets': '1k' },
        scopes: ['NotTerminating', 'NotBestEffort'],
        scopeSelector: {
          matchExpressions: [
            { scopeName: 'PriorityClass', operator: 'In', values: ['high', 'low'] },
            { scopeName: 'CrossNamespacePodAffinity', operator: 'Exists' },
          ],
        },
      },
    },
    empty: { spec: {} },
  },
  LimitRange: {
    full: {
      spec: {
        limits: [
          {
            type: 'Container',
            max: { cpu: '4', memory: '4Gi' },
            min: { cpu: '100m', memory: '64Mi' },
            default: { cpu: '1', memory: '1Gi' },
            defaultRequest: { cpu: '0.5', memory: '512Mi' },
            maxLimitRequestRatio: { cpu: '8' },
          },
          { type: 'Pod', max: { cpu: '8' } },
        ],
      },
    },
    empty: { spec: { limits: [] } },
  },
  ServiceAccount: {
    full: {
      automountServiceAccountToken: false,
      imagePullSecrets: [{ name: 'registry' }, { name: 'other' }],
      secrets: [
        {
          kind: 'Secret',
          namespace,
          name: 's',
          uid: 'u',
          apiVersion: 'v1',
          resourceVersion: '7',
          fieldPath: '.data',
        },
        { name: 'short' },
      ],
    },
    mounting: { automountServiceAccountToken: true },
    empty: {},
  },
  Role: {
    full: {
      rules: [
        { apiGroups: ['', 'apps'], resources: ['pods'], verbs: ['get', '*'], resourceNames: ['a', 'b'] },
        { apiGroups: ['batch'], resources: ['jobs'], verbs: ['create'] },
      ],
    },
    empty: { rules: [] },
  },
  RoleBinding: {
    full: {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'full' },
      subjects: [
        { kind: 'ServiceAccount', name: 'full', namespace },
        { kind: 'User', name: 'somebody', apiGroup: 'rbac.authorization.k8s.io' },
      ],
    },
    empty: { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' } },
  },
};

let admin: RestClient;
let client: ApiClient;

function clientOf(kubeconfig: string): ApiClient {
  const credentials = new Credentials({ load: kubeConfigLoader({ kubeconfig }), clock });
  return new ApiClient({ credentials, clock, version: 'test' });
}

beforeAll(async () => {
  const { adminKubeconfig } = sharedControlPlane();
  admin = new RestClient(adminKubeconfig);
  client = clientOf(adminKubeconfig);
  await admin.create({ kind: 'Namespace', name: namespace }, { metadata: { labels: { team: 'a' } } });
  for (const kind of managedKindNames) {
    for (const [name, content] of Object.entries(objects[kind])) {
      await admin.create({ kind, namespace, name }, { ...content, ...(name === 'full' && { metadata }) });
    }
  }
});
afterAll(async () => {
  for (const kind of managedKindNames) {
    await admin.mergePatch({ kind, namespace, name: 'full' }, { metadata: { finalizers: null } });
  }
  await admin.delete({ kind: 'Namespace', name: namespace });
  await client.close();
  admin.close();
});

interface Served extends ObjectWithMeta {
  readonly [field: string]: unknown;
}

function definitionOf(kind: ManagedKind): ResourceDefinition {
  return { ...managedKinds[kind], namespaced: true };
}

/** What a watch tells until `isLast`; it must be in protobuf. */
async function watched(
  listWatch: ListWatch<Served>,
  query: Partial<WatchQuery>,
  isLast: (event: WatchEvent<Served>) => boolean,
): Promise<WatchEvent<Served>[]> {
  const stop = new AbortController();
  const events: WatchEvent<Served>[] = [];
  const { chunks, decoder } = await listWatch.watch(
    { sendInitialEvents: false, timeoutSeconds: 60, ...query },
    stop.signal,
  );
  expect(decoder).toBeInstanceOf(ProtobufWatchDecoder);
  try {
    for await (const chunk of chunks) {
      decoder.push(chunk, (event) => events.push(event));
      if (events.some(isLast)) return events;
    }
  } finally {
    stop.abort();
  }
  throw new Error(`the watch ended after ${events.length} events`);
}

/** The objects of a streamed list, by name. */
async function streamed(listWatch: ListWatch<Served>): Promise<Map<string, Served>> {
  const events = await watched(
    listWatch,
    { sendInitialEvents: true },
    (event) => event.type === 'BOOKMARK' && event.endsInitialEvents,
  );
  const found = events.flatMap((event) => (event.type === 'ADDED' ? [event.object] : []));
  return new Map(found.map((object) => [object.metadata.name, object]));
}

interface ServedEntry {
  readonly apiVersion?: unknown;
  readonly fieldsType?: unknown;
}

/**
 * Without what says where it was read, what nothing depends on and is not read, and nulls: an empty list that Go's JSON does not
 * leave out.
 */
function comparable({ apiVersion: _, kind: __, status: ___, ...content }: Served): unknown {
  const read = JSON.parse(JSON.stringify(content, (_key, value) => value ?? undefined));
  read.metadata.managedFields = read.metadata.managedFields?.map(
    ({ apiVersion: _a, fieldsType: _f, ...entry }: ServedEntry) => entry,
  );
  return read;
}

describe.each(managedKindNames)('%s', (kind) => {
  test('is the same in protobuf as in JSON', async () => {
    const listWatch = createListWatch<Served>(client, definitionOf(kind), { namespace });
    const seen = await streamed(listWatch);
    const names = Object.keys(objects[kind]);
    expect([...seen.keys()]).toEqual(expect.arrayContaining(names));
    for (const name of names) {
      const served = (await admin.get({ kind, namespace, name })) as unknown as Served;
      expect(seen.get(name)).toEqual(comparable(served));
    }
  });

  test('that is changed and deleted is told of in protobuf', async () => {
    const name = 'passing';
    const listWatch = createListWatch<Served>(client, definitionOf(kind), { namespace });
    const created = await admin.create({ kind, namespace, name }, objects[kind].empty ?? objects[kind].open);
    const changed = await admin.mergePatch(
      { kind, namespace, name },
      { metadata: { labels: { changed: 'yes' } } },
    );
    await admin.delete({ kind, namespace, name });
    const { resourceVersion } = created.metadata;
    const events = await watched(listWatch, { resourceVersion }, ({ type }) => type === 'DELETED');
    const ofIt = events.filter((event) => event.type !== 'BOOKMARK' && event.object.metadata.name === name);
    const [modified] = ofIt;
    expect(ofIt.map(({ type }) => type)).toEqual(expect.arrayContaining(['MODIFIED', 'DELETED']));
    expect(modified).toEqual({ type: 'MODIFIED', object: comparable(changed as unknown as Served) });
  });
});

test('an object in the midst of being deleted is the same in protobuf as in JSON', async () => {
  const target = { kind: 'ServiceAccount', namespace, name: 'held' } as const;
  await admin.create(target, { metadata: { finalizers: ['example.com/hold'] } });
  await admin.delete(target);
  const served = (await admin.get(target)) as unknown as Served;
  const seen = await streamed(createListWatch<Served>(client, definitionOf('ServiceAccount'), { namespace }));
  await admin.mergePatch(target, { metadata: { finalizers: null } });
  expect(served.metadata).toHaveProperty('deletionTimestamp');
  expect(seen.get('held')).toEqual(comparable(served));
});

test('a namespace is the same in protobuf as in JSON', async () => {
  const definition = { group: '', version: 'v1', plural: 'namespaces', namespaced: false };
  const fieldSelector = `metadata.name=${namespace}`;
  const seen = await streamed(createListWatch<Served>(client, definition, { fieldSelector }));
  const served = (await admin.get({ kind: 'Namespace', name: namespace })) as unknown as Served;
  expect([...seen]).toEqual([[namespace, comparable(served)]]);
});

test('a refusal is understood', async () => {
  const stranger = clientOf(await sharedControlPlane().kubeconfigForServiceAccount(namespace, 'full'));
  try {
    const listWatch = createListWatch<Served>(stranger, definitionOf('Role'), { namespace });
    await expect(watched(listWatch, { sendInitialEvents: true }, () => true)).rejects.toMatchObject({
      kind: 'forbidden',
      reason: 'Forbidden',
      details: { kind: 'roles' },
      message: expect.stringMatching(
        /^watch roles [^:]+: 403 Forbidden: roles.* cannot watch resource "roles" /,
      ),
    });
  } finally {
    await stranger.close();
  }
});
