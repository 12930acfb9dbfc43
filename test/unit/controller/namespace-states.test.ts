import { beforeEach, describe, expect, test } from 'vitest';
import { NamespaceStates } from '../../../src/controller/namespace-states.ts';
import { desiredBy, failure } from './fixtures.ts';

const namespace = { name: 'team-a', uid: 'first' };
const namesake = { name: 'team-a', uid: 'second' };
const desired = desiredBy(['tenant']);
const hardened = { phase: 'hardened', failures: [], audit: [], outOfPlace: [] } as const;
const failing = { phase: 'failing', failures: [failure('tenant')], audit: [], outOfPlace: [] } as const;

let states: NamespaceStates;
let changes: number;

beforeEach(() => {
  changes = 0;
  states = new NamespaceStates(() => {
    changes += 1;
  });
});

describe('what is expected', () => {
  test('of a new namespace makes it pending, since then', () => {
    expect(states.expect(namespace, desired, 'new', 100)).toBe(true);
    expect(states.get('team-a')).toMatchObject({ phase: 'pending', pending: 'new', since: 100, desired });
    expect(changes).toBe(1);
  });

  test('again, and the same, is nothing new', () => {
    states.expect(namespace, desired, 'new', 100);
    expect(states.expect(namespace, desired, 'rollout', 200)).toBe(false);
    expect(changes).toBe(1);
  });

  test('anew of one that still waits does not shorten its wait, nor make it less new', () => {
    states.expect(namespace, desired, 'new', 100);
    states.expect(namespace, desiredBy(['tenant', 'other']), 'rollout', 200);
    expect(states.get('team-a')).toMatchObject({ pending: 'new', since: 100 });
  });

  test('anew of one that is hardened begins a wait', () => {
    states.expect(namespace, desired, 'new', 100);
    states.settle(namespace, desired, hardened, 150);
    expect(states.expect(namespace, desiredBy([]), 'rollout', 200)).toBe(true);
    expect(states.get('team-a')).toMatchObject({ phase: 'pending', pending: 'rollout', since: 200 });
  });

  test('anew of one that fails does not shorten the time that it has not been hardened', () => {
    states.expect(namespace, desired, 'new', 100);
    states.settle(namespace, desired, failing, 150);
    states.expect(namespace, desiredBy(['tenant', 'other']), 'rollout', 200);
    expect(states.get('team-a')).toMatchObject({ phase: 'pending', pending: 'rollout', since: 100 });
  });

  test('of a namesake, created after the first was deleted, begins from nothing', () => {
    states.expect(namespace, desired, 'new', 100);
    states.settle(namespace, desired, hardened, 150);
    expect(states.expect(namesake, desired, 'new', 200)).toBe(true);
    expect(states.get('team-a')).toMatchObject({ uid: 'second', phase: 'pending', since: 200 });
  });
});

describe('what a reconcile came to', () => {
  test('is told once', () => {
    states.expect(namespace, desired, 'new', 100);
    states.settle(namespace, desired, failing, 150);
    states.settle(namespace, desired, structuredClone(failing), 160);
    expect(states.get('team-a')).toMatchObject({ phase: 'failing', pending: 'new', since: 100 });
    expect(changes).toBe(2);
  });

  test('that ends a time of being hardened begins another time', () => {
    states.expect(namespace, desired, 'new', 100);
    states.settle(namespace, desired, hardened, 150);
    states.settle(namespace, desired, failing, 900);
    expect(states.get('team-a')).toMatchObject({ phase: 'failing', since: 900 });
    states.settle(namespace, desired, hardened, 950);
    states.settle(namespace, desired, structuredClone(hardened), 960);
    expect(states.get('team-a')).toMatchObject({ phase: 'hardened', since: 950 });
    expect(changes).toBe(4);
  });

  test('that is something else is told again', () => {
    states.expect(namespace, desired, 'new', 100);
    states.settle(namespace, desired, failing, 150);
    states.settle(namespace, desired, { ...failing, failures: [failure('platform')] }, 160);
    states.settle(namespace, desired, hardened, 170);
    expect(changes).toBe(4);
    expect(states.get('team-a')).toMatchObject({ phase: 'hardened', pending: undefined, failures: [] });
  });
});

test('a namespace forgotten is gone, and that is told once', () => {
  states.expect(namespace, desired, 'new', 100);
  states.forget('team-a');
  states.forget('team-a');
  expect([...states]).toEqual([]);
  expect(states.size).toBe(0);
  expect(changes).toBe(2);
});
