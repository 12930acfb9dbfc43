import { systemNamespaces } from '../../../../baseline/selection.ts';
import type { Rule } from '../../rule.ts';

export const notCovered: Rule = {
  id: 'SB901',
  name: 'not-covered',
  severity: 'warning',
  title: 'Pods run in namespaces that a baseline selects',
  help: 'Where no baseline selects the namespace, nothing of a baseline holds: no default deny, no Pod Security level, no quota.',
  fix: 'Give the namespace the labels that a baseline selects by, say them with --namespace-labels, or name the namespace with --namespace.',
  link: 'https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/',
  *check(scope) {
    if (scope.kind !== 'namespace' || scope.isCovered || systemNamespaces.includes(scope.namespace)) return;
    const [pod] = scope.pods;
    if (pod === undefined) return;
    yield { object: pod.object, path: [], message: `no baseline selects namespace ${scope.namespace}` };
  },
};
