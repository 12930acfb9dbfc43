import { describe, expect, test } from 'vitest';
import { matchesSelector } from '../../../src/api/label-selector.ts';
import { selectorKey } from '../../../src/connectivity/label-selector.ts';
import type { NetworkPolicySpec, Pod } from '../../../src/connectivity/model.ts';
import { Parties } from '../../../src/connectivity/parties.ts';
import { normalizePolicy } from '../../../src/connectivity/policy.ts';

describe('pods of one workload', () => {
  const replica = (name: string, more: Partial<Pod> = {}): Pod => ({
    namespace: 'shop',
    name,
    labels: { app: 'web', 'pod-template-hash': name },
    workload: { kind: 'Deployment', name: 'web' },
    ...more,
  });
  const unitsUnder = (spec: NetworkPolicySpec, ...pods: Pod[]) =>
    new Parties(pods, [normalizePolicy({ namespace: 'shop', name: 'policy', spec })]).units.length;

  // Without this, ten thousand pods of a few workloads would be ten thousand rows and columns.
  test('are one unit where only labels differ that no policy looks at', () => {
    expect(unitsUnder({ podSelector: { matchLabels: { app: 'web' } } }, replica('a'), replica('b'))).toBe(1);
  });

  test.each<[string, NetworkPolicySpec, Partial<Pod>]>([
    [
      'label',
      { podSelector: { matchExpressions: [{ key: 'canary', operator: 'Exists' }] } },
      { labels: { canary: '' } },
    ],
    [
      'port name',
      { ingress: [{ ports: [{ port: 'http' }] }] },
      { namedPorts: [{ name: 'http', containerPort: 80 }] },
    ],
    ['address', { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] }, { ips: ['10.0.0.1'] }],
    ['network', {}, { hostNetwork: true }],
  ])('are two where a policy tells them apart by their %s', (_, spec, more) => {
    expect(unitsUnder(spec, replica('a'), replica('b', more))).toBe(2);
  });
});

describe('a label selector', () => {
  test('finds only labels that are there, also by names that every object has', () => {
    const selector = { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] };
    expect(matchesSelector(selector, {})).toBe(false);
    expect(matchesSelector(selector, { constructor: 'x' })).toBe(true);
  });

  test('with an operator that the API does not know matches nothing', () => {
    expect(
      matchesSelector({ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] }, { a: '2' }),
    ).toBe(false);
  });

  test('has one key for all its spellings, and another for another meaning', () => {
    const spellings = [
      {
        matchLabels: { a: '1', b: '2' },
        matchExpressions: [{ key: 'c', operator: 'In', values: ['x', 'y'] }],
      },
      {
        matchLabels: { b: '2', a: '1' },
        matchExpressions: [{ key: 'c', operator: 'In', values: ['y', 'x'] }],
      },
    ];
    expect(new Set(spellings.map(selectorKey)).size).toBe(1);
    expect(selectorKey({ matchLabels: { a: 'b' } })).not.toBe(
      selectorKey({ matchExpressions: [{ key: 'a', operator: 'In', values: ['b', 'c'] }] }),
    );
    expect(selectorKey({ matchLabels: { a: '1"&["b","2' } })).not.toBe(
      selectorKey({ matchLabels: { a: '1', b: '2' } }),
    );
  });
});
