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

describe('a resync', () => {
  function begin(...names: readonly string[]): void {
    for (const name of names) live(name);
    requests.open();
    requested.length = 0;
  }

  test.each([1, 3, 59, 60, 61, 150])('of %d namespaces asks for each once, unhurried and spread', (count) => {
    const names = Array.from({ length: count }, (_, index) => `n${index}`);
    begin(...names);
    const most = Math.ceil(count / 60);
    for (let part = 0; part < 60; part += 1) {
      const before = requested.length;
      requests.resync(part, 60);
      expect(requested.length - before).toBeLessThanOrEqual(most);
    }
    expect(requested).toEqual(names.map((name) => `${name} normal`));
  });

  test('misses none where others go meanwhile', () => {
    begin('a', 'b', 'c', 'd');
    requests.resync(0, 2);
    living.delete('a');
    living.delete('b');
    requests.resync(1, 2);
    expect(requested).toEqual(['a normal', 'b normal', 'c normal', 'd normal']);
  });

  test('asks for what has come when it comes round again', () => {
    begin('a');
    requests.resync(0, 1);
    live('b');
    requests.resync(0, 1);
    expect(requested).toEqual(['a normal', 'a normal', 'b normal']);
  });

  test('asks for nothing where we do not lead, nor for what was there when we led before', () => {
    begin('a', 'b');
    requests.resync(0, 2);
    requests.close();
    requests.resync(1, 2);
    expect(requested).toEqual(['a normal']);
    requests.open();
    requested.length = 0;
    requests.resync(1, 2);
    expect(requested).toEqual([]);
  });
});
