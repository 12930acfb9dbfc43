import { beforeEach, describe, expect, test } from 'vitest';
import type { DesiredState } from '../../../src/baseline/desired-state.ts';
import {
  NamespaceRequests,
  type NamespaceRequestsParts,
} from '../../../src/controller/namespace-requests.ts';
import { type NamespaceRef, NamespaceStates } from '../../../src/controller/namespace-states.ts';
import { FakeClock } from '../runtime/fake-clock.ts';
import { desiredBy } from './fixtures.ts';

let clock: FakeClock;
let desired: DesiredState;
let living: Map<string, NamespaceRef>;
let states: NamespaceStates;
let requested: string[];
let requests: NamespaceRequests;

beforeEach(() => {
  clock = new FakeClock();
  desired = desiredBy(['tenant']);
  living = new Map();
  states = new NamespaceStates(() => undefined);
  requested = [];
  requests = new NamespaceRequests({
    cluster: {
      baselines: [],
      facts: {},
      namespace: (name: string) => living.get(name),
      namespaces: () => living.values(),
    },
    desiredStates: { update: () => undefined, of: () => desired },
    states,
    queue: { add: (name: string, lane: string) => void requested.push(`${name} ${lane}`) },
    clock,
  } as unknown as NamespaceRequestsParts);
});

function live(name: string, uid = `uid-of-${name}`): void {
  living.set(name, { name, uid });
}

function known(): string[] {
  return Array.from(states, ({ name, uid, phase }) => `${name} ${uid} ${phase}`);
}

/** As a reconcile leaves it. */
function harden(name: string): void {
  const namespace = living.get(name);
  if (namespace === undefined) throw new Error(`${name} does not live`);
  states.settle(
    namespace,
    desired,
    { phase: 'hardened', failures: [], audit: [], outOfPlace: [] },
    clock.monotonic(),
  );
  requests.visited(name);
}

describe('leading', () => {
  test('begins with a look at every namespace, unhurried', () => {
    live('a');
    live('b');
    requests.open();
    expect(requested).toEqual(['a normal', 'b normal']);
    expect(requests.isFirstPassDone).toBe(false);
    harden('a');
    harden('b');
    expect(requests.isFirstPassDone).toBe(true);
  });

  test('puts a new namespace before the others, and forgets one that is gone', () => {
    live('a');
    requests.open();
    live('new');
    requests.namespaceChanged('new');
    expect(requested).toEqual(['a normal', 'new urgent']);
    living.delete('a');
    requests.namespaceChanged('a');
    expect(known()).toEqual(['new uid-of-new pending']);
  });
});

describe('leading again', () => {
  beforeEach(() => {
    live('stays');
    live('goes');
    live('comes back');
    requests.open();
    for (const name of living.keys()) harden(name);
    requests.close();
    requested = [];
  });

  test('knows nothing of the namespaces that went while another replica led', () => {
    living.delete('goes');
    requests.namespaceChanged('goes');
    live('comes back', 'another-uid');
    requests.namespaceChanged('comes back');
    expect(requested).toEqual([]);
    requests.open();
    expect(known()).toEqual(['stays uid-of-stays hardened', 'comes back another-uid pending']);
    expect(requested).toEqual(['stays normal', 'comes back normal']);
  });

  test('tells nothing before every namespace has been looked at again', () => {
    requests.open();
    expect(requests.isFirstPassDone).toBe(false);
    for (const name of living.keys()) harden(name);
    expect(requests.isFirstPassDone).toBe(true);
  });
});
