import { describe, expect, test } from 'vitest';
import type { BaselineException, SecurityBaseline } from '../../../src/api/types.generated.ts';
import { DesiredStates } from '../../../src/controller/desired-states.ts';
import { baseline, cluster, namesIn } from '../baseline/fixtures.ts';
import { collectGarbage } from '../collect-garbage.ts';

const justification = 'needed for the test';
const quotas = baseline('quotas', { resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10' } } }] });
const nodes = baseline('nodes', {
  networkPolicy: { defaultDeny: ['Egress'], allow: { nodes: { justification } } },
});
const web = { name: 'web', labels: { team: 'a' } };
const db = { name: 'db', labels: { team: 'b' } };
const anotherNode = {
  ...cluster,
  nodes: [...cluster.nodes, { addresses: ['10.0.0.2/32'], podRanges: ['10.244.1.0/24'] }],
};

function statesOf(...baselines: SecurityBaseline[]): DesiredStates {
  const states = new DesiredStates({ exceptions: () => [], now: () => 0 });
  states.update(baselines, cluster);
  return states;
}

describe('the same object is desired', () => {
  test('of namespaces that the same baselines select', () => {
    const states = statesOf(quotas);
    expect(states.of(web)).toBe(states.of(db));
  });

  test('when the baselines are told again, in another order, or with another status', () => {
    const states = statesOf(quotas, nodes);
    const before = states.of(web);
    states.update([nodes, { ...quotas, status: { observedGeneration: 1 } }], cluster);
    expect(states.of(web)).toBe(before);
  });

  test('when a fact changes that makes no difference to it', () => {
    const states = statesOf(quotas);
    const before = states.of(web);
    states.update([quotas], anotherNode);
    expect(states.of(web)).toBe(before);
    states.update([quotas], cluster);
    expect(states.of(web)).toBe(before);
  });
});

describe('another object is desired', () => {
  test('when a fact changes that makes a difference', () => {
    const states = statesOf(nodes);
    const before = states.of(web);
    states.update([nodes], anotherNode);
    expect(states.of(web)).not.toBe(before);
    expect(JSON.stringify(states.of(web))).toContain('10.0.0.2/32');
  });

  test('when a baseline changes', () => {
    const states = statesOf(quotas);
    const before = states.of(web);
    states.update([{ ...quotas, metadata: { ...quotas.metadata, generation: 2 } }], cluster);
    expect(states.of(web)).not.toBe(before);
  });

  test('when a baseline is deleted and created again', () => {
    const states = statesOf(quotas);
    const before = states.of(web);
    states.update([{ ...quotas, metadata: { ...quotas.metadata, uid: 'another' } }], cluster);
    expect(states.of(web)).not.toBe(before);
  });
});

test('in Audit mode nothing is desired, and everything as if it enforced', () => {
  const states = statesOf({ ...quotas, spec: { ...quotas.spec, mode: 'Audit' } });
  expect(namesIn(states.of(web))).toEqual([]);
  expect(namesIn(states.asIfEnforced(web))).toEqual(['ResourceQuota/quotas.compute']);
});

test('a baseline by itself is composed also where it selects nothing', () => {
  const nowhere = baseline('nowhere', { ...quotas.spec, namespaceSelector: { matchLabels: { none: 'x' } } });
  const states = statesOf(nowhere);
  expect(namesIn(states.of(web))).toEqual([]);
  expect(namesIn(states.ofBaseline(nowhere))).toEqual(['ResourceQuota/nowhere.compute']);
});

describe('where namespaces have exceptions of their own', () => {
  const restricted = baseline('restricted', {
    networkPolicy: { defaultDeny: ['Egress'] },
    exceptions: { allow: ['Egress'] },
  });
  const many = Array.from({ length: 5000 }, (_, i) => ({ name: `team-${i}`, labels: {} }));

  function approved(namespace: string): BaselineException {
    const uid = `uid-of-${namespace}`;
    return {
      apiVersion: 'securitybaseline.io/v1alpha1',
      kind: 'BaselineException',
      metadata: { name: 'e', namespace, uid, generation: 1, creationTimestamp: '1970-01-01T00:00:00Z' },
      spec: { reason: justification, expiresAt: '1970-01-02T00:00:00Z', egress: [{ anyPeer: true }] },
      status: { approval: { by: 'somebody', uid, generation: 1 } },
    };
  }

  function world(): { states: DesiredStates; ended: Set<string> } {
    const ended = new Set<string>([web.name]);
    const exceptions = (name: string) => (ended.has(name) ? [] : [approved(name)]);
    const states = new DesiredStates({ exceptions, now: () => 0 });
    states.update([restricted], cluster);
    return { states, ended };
  }

  test('what was desired goes, once nobody has it, when they have ended', async () => {
    const { states, ended } = world();
    const desiredOnce = many.slice(0, 10).map((team) => new WeakRef(states.of(team)));
    expect(namesIn(states.of(db))).toContain('NetworkPolicy/restricted.exception-e');
    for (const { name } of many) ended.add(name);
    for (const team of many) states.of(team);
    await collectGarbage();
    expect(desiredOnce.filter((reference) => reference.deref() !== undefined)).toEqual([]);
  });

  test('the same object is desired of each, however many they are', async () => {
    const { states } = world();
    const before = [web, ...many].map((team) => states.of(team));
    const isSame = () => [web, ...many].every((team, i) => states.of(team) === before[i]);
    expect(new Set(before).size).toBe(many.length + 1);
    await collectGarbage();
    expect(isSame()).toBe(true);
    states.update([restricted], anotherNode);
    expect(isSame()).toBe(true);
    // A second change of facts may come before everybody has asked about the first.
    states.update([restricted], cluster);
    states.update([restricted], anotherNode);
    expect(isSame()).toBe(true);
  });
});
