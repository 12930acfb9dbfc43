import { request } from 'node:https';
import { expect, test } from 'vitest';
import { operatorNamespace } from '../../../tools/operator/operator-process.ts';
import { loadKubeconfig } from '../../support/control-plane.ts';
import { eventually } from '../../support/eventually.ts';
import type { ChaosCluster } from '../chaos-cluster.ts';

const flowSchemas = '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas';

/** The operator's share of the API server. */
export function priorityAndFairness(cluster: () => ChaosCluster): void {
  test("the operator's requests get a share of their own, and its Lease another", async () => {
    const { adminKubeconfig } = cluster().controlPlane;
    const kubeconfig = await cluster().kubeconfig();
    const expected = {
      '/api/v1/namespaces?limit=1': 'security-baseline-operator',
      '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies?limit=1': 'security-baseline-operator',
      [`/apis/coordination.k8s.io/v1/namespaces/${operatorNamespace}/leases/security-baseline-operator`]:
        'security-baseline-operator-leader',
    };
    const names = new Map<string, string>();
    const { items } = JSON.parse((await get(adminKubeconfig, flowSchemas)).body) as {
      items: { metadata: { uid: string; name: string } }[];
    };
    for (const { metadata } of items) names.set(metadata.uid, metadata.name);
    // The API server takes a new schema into use a moment after it was written.
    await eventually(
      async () => {
        const matched: Record<string, string | undefined> = {};
        for (const path of Object.keys(expected)) {
          matched[path] = names.get((await get(kubeconfig, path)).flowSchemaUid);
        }
        expect(matched).toEqual(expected);
      },
      { what: 'the schemas are in use' },
    );
    expect(names.get((await get(adminKubeconfig, '/api/v1/namespaces?limit=1')).flowSchemaUid)).toBe(
      'exempt',
    );
  });
}

async function get(kubeconfigPath: string, path: string): Promise<{ body: string; flowSchemaUid: string }> {
  const kubeconfig = loadKubeconfig(kubeconfigPath);
  const options = {};
  await kubeconfig.applyToHTTPSOptions(options);
  const url = new URL(path, kubeconfig.getCurrentCluster()?.server);
  return await new Promise((resolve, reject) => {
    const call = request(url, { ...options, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          body: Buffer.concat(chunks).toString('utf8'),
          flowSchemaUid: String(response.headers['x-kubernetes-pf-flowschema-uid']),
        }),
      );
    });
    call.once('error', reject);
    call.end();
  });
}
