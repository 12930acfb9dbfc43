import { ClusterView } from '../../src/controller/cluster-view.ts';
import { DesiredStates } from '../../src/controller/desired-states.ts';
import { createWatchedResources, type ServedObject } from '../../src/controller/watched-resources.ts';
import type { ChangeSet } from '../../src/diff/change-set.ts';
import { Differ } from '../../src/diff/diff.ts';
import { Fingerprinter } from '../../src/diff/fingerprint.ts';
import { ApiClient } from '../../src/kube/api-client.ts';
import { isApiError } from '../../src/kube/api-error.ts';
import { Credentials, kubeConfigLoader } from '../../src/kube/credentials.ts';
import { ResourceClient } from '../../src/kube/resource-client.ts';
import { systemClock as clock } from '../../src/runtime/clock.ts';
import { operatorNamespace } from '../../tools/operator/operator-process.ts';

/** What the operator's own functions say of a namespace, over lists that were just taken and not over its caches. */
export async function evaluate(kubeconfig: string): Promise<(namespace: string) => ChangeSet> {
  const credentials = new Credentials({ load: kubeConfigLoader({ kubeconfig }), clock });
  const client = new ApiClient({ credentials, clock, version: 'test' });
  try {
    const fingerprinter = new Fingerprinter();
    const resources = createWatchedResources(fingerprinter, {
      grantableRole: 'security-baseline-grantable',
      namespace: operatorNamespace,
    });
    for (const { type, selection, store, optional } of resources.all) {
      const listing = new ResourceClient<ServedObject>(client, type).list(selection);
      const { items, resourceVersion } = await listing.catch((error: unknown) => {
        if (optional && isApiError(error, 'notFound')) return { items: [], resourceVersion: '1' };
        throw error;
      });
      store.swap(items, resourceVersion);
    }
    const cluster = new ClusterView(resources, [operatorNamespace]);
    const desiredStates = new DesiredStates({
      exceptions: (name) => Array.from(resources.exceptions.inNamespace(name), ({ exception }) => exception),
      now: () => clock.now(),
    });
    desiredStates.update(cluster.baselines, cluster.facts);
    const differ = new Differ(fingerprinter);
    return (name) => {
      const namespace = cluster.namespace(name);
      if (namespace === undefined) throw new Error(`namespace ${name} is not there, or going`);
      return differ.diff(desiredStates.of(namespace), cluster.observed(namespace));
    };
  } finally {
    await client.close();
  }
}
