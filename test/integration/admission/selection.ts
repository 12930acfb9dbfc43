import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { LabelSelector, SecurityBaseline } from '../../../src/api/types.generated.ts';
import { selects } from '../../../src/baseline/selection.ts';
import { type Body, type Call, create, dryRun, tenant } from './cluster.ts';
import type { ClusterOf } from './table.ts';

const key = fc.constantFrom('app', 'example.com/tier', 'constructor');
const value = fc.constantFrom('', 'a', 'b');
const requirement = fc.oneof(
  fc.record({
    key,
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.array(value, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
);
const selector = fc.record(
  {
    matchLabels: fc.dictionary(key, value, { maxKeys: 1 }),
    matchExpressions: fc.array(requirement, { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const glob = fc.constantFrom('*', 'ab', 'a*', '*b', 'a*b', '*a*', 'a**b', 'ba*ab', 'b');
const name = fc.constantFrom('a', 'b', 'ab', 'ba', 'aab', 'bab', 'abab', 'b-a');
const excludes = fc.uniqueArray(glob, { maxLength: 1 });
const seed = 20260101;

/** CEL and TypeScript decide alike: what the operator hardens is what admission holds, and the other way round. */
export function selectionTests(cluster: ClusterOf): void {
  describe('matching baselines in CEL', () => {
    const specs = fc.sample(fc.record({ namespaceSelector: selector, excludeNamespaces: excludes }), {
      numRuns: 16,
      seed,
    });
    const namespaces = fc.sample(fc.record({ name, labels: fc.dictionary(key, value) }), {
      numRuns: 12,
      seed,
    });
    const baselines: readonly SecurityBaseline[] = specs.map((spec, index) => ({
      apiVersion: 'securitybaseline.io/v1alpha1',
      kind: 'SecurityBaseline',
      metadata: { name: `random-${index}` },
      spec: { ...spec, namespaceSelector: only(String(index), spec.namespaceSelector as LabelSelector) },
    }));

    beforeAll(async () => {
      for (const { metadata, spec } of baselines) {
        await cluster().baseline(metadata.name, {
          ...spec,
          joining: 'Guarded',
          podSecurity: { warn: 'baseline' },
        } as Body);
      }
      const last = {
        namespaceSelector: only('last', {}),
        joining: 'Guarded',
        podSecurity: { warn: 'baseline' },
      };
      await cluster().baseline('random-last', last);
      await cluster().untilDenied(tenant, newNamespace('zz', { random: 'last' }), /baseline random-last/);
    });

    it('agrees with the operator about random selectors, exclusions, labels and names', async () => {
      const decisions = { allowed: 0, denied: 0 };
      for (const [index, baseline] of baselines.entries()) {
        for (const { name, labels } of namespaces) {
          const all = { ...labels, random: String(index), 'kubernetes.io/metadata.name': name };
          const isSelected = selects(baseline, { name, labels: all });
          const outcome = await cluster().outcome(tenant, newNamespace(name, all));
          const context = JSON.stringify({ spec: baseline.spec, name, all });
          if (isSelected) expect(outcome, context).toContain(`baseline random-${index}, joining`);
          else expect(outcome, context).toBe('allowed');
          decisions[isSelected ? 'denied' : 'allowed'] += 1;
        }
      }
      expect(Math.min(decisions.allowed, decisions.denied), JSON.stringify(decisions)).toBeGreaterThan(10);
    });
  });
}

/** Only namespaces meant for this baseline, so that its decision alone is seen. */
function only(index: string, { matchExpressions = [], ...rest }: LabelSelector): LabelSelector {
  return {
    ...rest,
    matchExpressions: [...matchExpressions, { key: 'random', operator: 'In', values: [index] }],
  };
}

function newNamespace(name: string, labels: Body): Call {
  return dryRun(create('/api/v1/namespaces', { metadata: { name, labels } }));
}
