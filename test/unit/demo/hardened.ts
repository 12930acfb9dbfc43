import type { KubernetesObject } from '../../../src/api/objects.ts';
import { expectedIn } from '../../../tools/demo/expected.ts';

/** A hardened namespace and all that is in it, as a watch would show it. */
export function hardened(namespace: string): KubernetesObject[] {
  return expectedIn(namespace).map(({ kind, name, labels = {}, fields }) => ({
    apiVersion: '',
    kind,
    metadata: {
      name,
      ...(kind === 'Namespace' ? {} : { namespace }),
      uid: `uid of ${kind} ${name}`,
      resourceVersion: '100',
      labels,
    },
    ...fields,
  }));
}
