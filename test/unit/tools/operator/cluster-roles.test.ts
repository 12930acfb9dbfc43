import { expect, test } from 'vitest';
import { type ClusterRole, notAggregated } from '../../../../tools/operator/cluster-roles.ts';

const readPods = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const readNodes = { apiGroups: [''], resources: ['nodes'], verbs: ['get'] };

function role(name: string, rest: Partial<ClusterRole>, labels = {}): ClusterRole {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name, labels },
    ...rest,
  };
}

/** It selects `part: a` and `part: b`. */
function whole(rules: ClusterRole['rules'], labels = {}): ClusterRole {
  const clusterRoleSelectors = [{ matchLabels: { part: 'a' } }, { matchLabels: { part: 'b' } }];
  return role('whole', { rules: rules ?? null, aggregationRule: { clusterRoleSelectors } }, labels);
}
const a = role('a', { rules: [readPods] }, { part: 'a' });
const b = role('b', { rules: [readNodes, readPods] }, { part: 'b' });
const other = role('other', { rules: [{ ...readPods, verbs: ['delete'] }] });

test('a ClusterRole is aggregated once it has the rules of all that it selects, each once', () => {
  expect(notAggregated([whole(null), a, b, other])).toEqual(['whole']);
  expect(notAggregated([whole([readPods]), a, b, other])).toEqual(['whole']);
  expect(notAggregated([whole([readPods, readNodes]), a, b, other])).toEqual([]);
});

test('and no longer the rules of one that is gone', () => {
  expect(notAggregated([whole([readPods, readNodes]), a])).toEqual(['whole']);
  expect(notAggregated([whole([readPods]), a])).toEqual([]);
});

test('nothing selected is nothing to wait for, and nobody gathers from itself', () => {
  expect(notAggregated([whole(null), other])).toEqual([]);
  expect(notAggregated([whole([readPods], { part: 'a' }), a])).toEqual([]);
  expect(notAggregated([whole([readNodes], { part: 'a' }), a])).toEqual(['whole']);
});
