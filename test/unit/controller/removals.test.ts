import { beforeEach, describe, expect, test } from 'vitest';
import { ClusterView } from '../../../src/controller/cluster-view.ts';
import { losingNow } from '../../../src/controller/losses.ts';
import { NamespaceStates } from '../../../src/controller/namespace-states.ts';
import type { RemovalGate } from '../../../src/controller/removal-gate.ts';
import { readRemovalHolds } from '../../../src/controller/removal-holds.ts';
import { createRemovalGate, describeHold, type RemovalsParts } from '../../../src/controller/removals.ts';
import { createWatchedResources, type ServedObject } from '../../../src/controller/watched-resources.ts';
import { Fingerprinter } from '../../../src/diff/fingerprint.ts';
import { FakeClock, flush } from '../runtime/fake-clock.ts';
import { desiredBy } from './fixtures.ts';

const loss = { uid: 'uid-of-gone', name: 'gone', createdAt: 1 };

let clock: FakeClock;
let resources: ReturnType<typeof createWatchedResources>;
let cluster: ClusterView;
let states: NamespaceStates;
let version: number;
/** The ConfigMap as the API server has it. */
let served: ServedObject;
let writes: number;
/** Decides when, and how, the API server answers a write. */
let answer: () => Promise<void>;
let readCrd: () => Promise<unknown>;
let warnings: string[];
/** Notes of the events. */
let notes: string[];
let gate: RemovalGate;

beforeEach(() => {
  clock = new FakeClock();
  resources = createWatchedResources(new Fingerprinter(), { grantableRole: 'g', namespace: 'operator' });
  cluster = new ClusterView(resources, []);
  states = new NamespaceStates(() => undefined);
  version = 1;
  writes = 0;
  answer = async () => undefined;
  readCrd = async () => ({ metadata: { name: 'crd', creationTimestamp: '1970-01-01T00:00:00Z' } });
  warnings = [];
  notes = [];
  served = object('ConfigMap', { namespace: 'operator', name: 'security-baseline-removal-holds' });
  seen('configmaps', served);
  gate = createRemovalGate({
    client: { request: () => readCrd() },
    cluster,
    states,
    clock,
    logger: { info: () => undefined, warn: (message: string) => warnings.push(message) },
    record: ({ note }: { note: string }) => notes.push(note),
    target: {
      client: { mergePatch: (_name: string, _namespace: string, patch: Patch) => write(patch) },
      observe: (object: ServedObject) => storeOf('configmaps').observeShared(object),
    },
    store: resources.removalHolds,
    namespace: 'operator',
    threshold: 1,
    windowMs: 60_000,
    isLeading: () => true,
    lookAgain: () => undefined,
    onChange: () => undefined,
  } as unknown as RemovalsParts);
});

interface Patch {
  readonly metadata: { readonly annotations: Readonly<Record<string, string | null>> };
  readonly data: Readonly<Record<string, string | null>>;
}

async function write(patch: Patch): Promise<ServedObject> {
  writes += 1;
  await answer();
  const merged = (before: unknown, change: Patch['data']): object =>
    Object.fromEntries(
      Object.entries({ ...(before as object), ...change }).filter(([, text]) => text !== null),
    );
  version += 1;
  served = {
    ...served,
    metadata: {
      ...served.metadata,
      annotations: merged(served.metadata.annotations, patch.metadata.annotations) as Record<string, string>,
      resourceVersion: String(version),
    },
    data: merged(served.data, patch.data),
  };
  return served;
}

function object(kind: string, metadata: object, rest: object = {}): ServedObject {
  version += 1;
  const identity = { name: '', uid: `uid-${version}`, resourceVersion: String(version) };
  return { apiVersion: 'v1', kind, metadata: { ...identity, ...metadata }, ...rest };
}

function storeOf(plural: string) {
  const resource = resources.all.find(({ type }) => type.plural === plural);
  if (resource === undefined) throw new Error(plural);
  return resource.store;
}

function seen(plural: string, added: ServedObject): void {
  storeOf(plural).apply('ADDED', added);
}

/** A namespace that the baseline `tenant` selects. */
function namespace(name: string, metadata: object = {}, desired = desiredBy(['tenant'])): void {
  seen('namespaces', object('Namespace', { name, uid: `uid-of-${name}`, ...metadata }));
  states.expect({ name, uid: `uid-of-${name}` }, desired, 'new', 0);
}

/** What a namespace says that we gave a Pod Security level for these. */
function labelledFor(...uids: readonly string[]): object {
  const applied = { 'f:metadata': { 'f:labels': { 'f:pod-security.kubernetes.io/enforce': {} } } };
  return {
    labels: { 'pod-security.kubernetes.io/enforce': 'baseline' },
    annotations: { 'securitybaseline.io/pod-security-by': uids.join() },
    managedFields: [{ manager: 'security-baseline-operator', operation: 'Apply', fieldsV1: applied }],
  };
}

/** A policy that says that it is of this baseline. */
function policy(inNamespace: string, name: string, baseline: string, uid: string, rest: object = {}): void {
  const labels = {
    'app.kubernetes.io/managed-by': 'security-baseline-operator',
    'securitybaseline.io/baseline': baseline,
    'securitybaseline.io/baseline-uid': uid,
  };
  const spec = { podSelector: {}, policyTypes: ['Ingress'] };
  seen(
    'networkpolicies',
    object('NetworkPolicy', { namespace: inNamespace, name, labels, ...rest }, { spec }),
  );
}

function listed(): unknown {
  const { holds, confirmed } = readRemovalHolds(served);
  return { holds: [...holds.keys()], confirmed: [...confirmed] };
}

describe('what would be lost', () => {
  test('is what baselines gave that select the namespace no longer, whatever they gave', () => {
    namespace('a');
    policy('a', 'gone.default-deny', 'gone', 'uid-of-gone');
    namespace('b', labelledFor('uid-of-gone', 'uid-of-tenant'));
    namespace('c', labelledFor('uid-of-gone'), desiredBy(['tenant'], { auditing: ['auditor'] }));
    namespace('d', labelledFor('uid-of-gone'), desiredBy([], { auditing: ['auditor'] }));
    expect(losingNow(cluster, states)).toEqual(new Map([['uid-of-gone', new Set(['a', 'b', 'c'])]]));
  });

  test('is not what stays, is adopted, goes already, or only says that it is ours', () => {
    namespace('a', { annotations: { 'securitybaseline.io/pod-security-by': 'made-up' } });
    policy('a', 'tenant.default-deny', 'tenant', 'uid-of-tenant');
    policy('a', 'tenant.allow-dns', 'tenant', 'uid-of-a-former-tenant');
    policy('a', 'gone.default-deny', 'gone', 'uid-of-gone', { deletionTimestamp: '2026-01-01T00:00:00Z' });
    policy('a', 'forged', 'gone', 'uid-of-gone');
    policy('unknown', 'gone.default-deny', 'gone', 'uid-of-gone');
    expect(losingNow(cluster, states)).toEqual(new Map());
  });
});

describe('the list of holds', () => {
  /** Two namespaces, more than may. */
  async function hold(): Promise<void> {
    for (const name of ['a', 'b']) {
      namespace(name);
      policy(name, 'gone.default-deny', 'gone', 'uid-of-gone');
    }
    expect(await gate.mayLose(loss, 'a')).toBe(false);
  }

  function confirm(): void {
    const annotations = { 'securitybaseline.io/confirm-uid-of-gone': 'yes' };
    version += 1;
    const metadata = { ...served.metadata, annotations, resourceVersion: String(version) };
    served = { ...served, metadata };
    storeOf('configmaps').apply('MODIFIED', served);
  }

  test('is written, and what is confirmed in it goes on there until nothing is left', async () => {
    await hold();
    await flush();
    expect(listed()).toEqual({ holds: ['uid-of-gone'], confirmed: [] });
    confirm();
    gate.reconsider();
    await flush();
    expect(listed()).toEqual({ holds: [], confirmed: [['uid-of-gone', 'gone']] });
    expect(served.metadata.annotations).toEqual({ 'securitybaseline.io/confirmed-uid-of-gone': 'gone' });
    for (const name of ['a', 'b']) states.forget(name);
    gate.reconsider();
    await flush();
    expect(served.metadata.annotations).toEqual({});
  });

  test('says in the end that nothing is held, also where that came before the answer to the hold', async () => {
    const late = Promise.withResolvers<void>();
    answer = () => late.promise;
    await hold();
    for (const name of ['a', 'b']) states.forget(name);
    gate.reconsider();
    late.resolve();
    await flush();
    expect(listed()).toEqual({ holds: [], confirmed: [] });
    expect(writes).toBe(2);
  });

  test('is told anew where its reason is another: what is to be done is another thing, too', async () => {
    const sound = readCrd;
    readCrd = () => Promise.reject(new Error('503'));
    await hold();
    readCrd = sound;
    await clock.advance(10_000);
    await hold();
    expect([...gate.holds.values()]).toMatchObject([{ reason: 'ManyNamespaces' }]);
    expect(notes).toHaveLength(2);
    expect(notes[1]).toContain('confirm-uid-of-gone');
  });

  test('is written again where that failed', async () => {
    answer = () => Promise.reject(new Error('503'));
    await hold();
    await flush();
    expect(listed()).toEqual({ holds: [], confirmed: [] });
    answer = async () => undefined;
    await clock.advance(60_000);
    expect(listed()).toEqual({ holds: ['uid-of-gone'], confirmed: [] });
  });

  test('is not written where it says the same already', async () => {
    const late = Promise.withResolvers<void>();
    answer = () => late.promise;
    await hold();
    states.forget('a');
    states.forget('b');
    gate.reconsider();
    await clock.advance(1_000);
    await hold();
    late.resolve();
    await flush();
    expect(listed()).toEqual({ holds: ['uid-of-gone'], confirmed: [] });
    expect(writes).toBe(1);
  });
});

test('a CRD that cannot be read holds the removal, and fails nothing', async () => {
  namespace('a');
  policy('a', 'gone.default-deny', 'gone', 'uid-of-gone');
  readCrd = () => Promise.reject(new Error('503'));
  expect(await gate.mayLose(loss, 'a')).toBe(false);
  expect(gate.holds.get('uid-of-gone')).toMatchObject({ reason: 'BaselinesUnreadable' });
  expect(warnings).toContain('CRD of baselines not read');
});

test('a hold for what several baselines lose together says how many that is', () => {
  const hold = { uid: 'u', name: 'tenant', reason: 'ManyNamespaces', namespaces: 1, ofAll: 12 } as const;
  expect(describeHold(hold, 'operator')).toMatch(
    /^1 namespace would lose the protection of baseline tenant, 12 that of any baseline, counting what has gone lately; nothing/,
  );
});
