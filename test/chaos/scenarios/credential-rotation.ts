import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AuthenticationV1Api, CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { CertificateAuthority } from '../../../tools/controlplane/pki.ts';
import { operatorNamespace, operatorServiceAccount } from '../../../tools/operator/operator-process.ts';
import { loadKubeconfig } from '../../support/control-plane.ts';
import { eventually } from '../../support/eventually.ts';
import { alone, type ChaosCluster } from '../chaos-cluster.ts';
import { credentialOf, requestsWith } from '../credential-trail.ts';
import { chance, form } from '../form.ts';
import { expectOrder } from '../invariants.ts';

/** The kubelet, or whoever cares for the files, rotates the operator's token and CA under it. */
export function credentialRotation(cluster: () => ChaosCluster): void {
  test.runIf(form.isFull)(
    'a token that was replaced and revoked, and a CA that was replaced, cost nothing but a retry',
    async () => {
      const { directory } = cluster().controlPlane;
      const tokenFile = join(directory, 'rotated-token');
      const caFile = join(directory, 'rotated-ca.crt');
      await using proxy = await cluster().proxy(chance.fork('rotation'));
      const first = await tokenBoundTo(cluster(), 'rotation-1');
      await replaceFile(tokenFile, first);
      await replaceFile(caFile, cluster().controlPlane.ca);
      const kubeconfig = join(directory, 'rotated.kubeconfig');
      await writeFile(kubeconfig, kubeconfigOf(proxy.url, caFile, tokenFile), { mode: 0o600 });
      await using fleet = await cluster().fleet('rotated');
      await using _operator = await cluster().operator({ flags: alone, kubeconfig });
      await fleet.grow(2);
      await fleet.plantForeignObjects(1);
      await expectOrder(cluster(), fleet);

      const second = await tokenBoundTo(cluster(), 'rotation-2');
      await replaceFile(tokenFile, second);
      await revoke(cluster(), 'rotation-1', first);
      const mark = await cluster().audit.mark();
      await fleet.grow(2);
      await expectOrder(cluster(), fleet);
      const after = await requestsWith(cluster().audit, mark);
      expect(after.get(credentialOf(second))?.some(({ verb }) => verb === 'create')).toBe(true);

      // Another authority altogether: what is open breaks, and nothing new can be opened but by its certificate.
      const authority = CertificateAuthority.create('another-ca');
      await replaceFile(caFile, authority.certificate);
      const brokenAt = await cluster().audit.mark();
      proxy.changeIdentity(authority.issue({ commonName: 'proxy', hosts: ['127.0.0.1'] }));
      await fleet.grow(2);
      await expectOrder(cluster(), fleet, brokenAt);
    },
  );
}

/** A token of the operator's that is worth nothing once this Secret is deleted. */
async function tokenBoundTo({ controlPlane }: ChaosCluster, secret: string): Promise<string> {
  const core = loadKubeconfig(controlPlane.adminKubeconfig).makeApiClient(CoreV1Api);
  const namespace = operatorNamespace;
  const { metadata } = await core.createNamespacedSecret({ namespace, body: { metadata: { name: secret } } });
  const boundObjectRef = { apiVersion: 'v1', kind: 'Secret', name: secret, uid: metadata?.uid ?? '' };
  const { status } = await core.createNamespacedServiceAccountToken({
    namespace,
    name: operatorServiceAccount,
    body: { spec: { audiences: [], boundObjectRef } },
  });
  return status?.token ?? '';
}

/** Revokes a token, and waits until the API server, which remembers tokens for a while, refuses it. */
async function revoke({ controlPlane }: ChaosCluster, secret: string, token: string): Promise<void> {
  const core = loadKubeconfig(controlPlane.adminKubeconfig).makeApiClient(CoreV1Api);
  await core.deleteNamespacedSecret({ namespace: operatorNamespace, name: secret });
  const revoked = new KubeConfig();
  const admin = loadKubeconfig(controlPlane.adminKubeconfig).getCurrentCluster();
  if (admin === null) throw new Error('the kubeconfig names no cluster');
  revoked.loadFromClusterAndUser(admin, { name: 'revoked', token });
  const review = revoked.makeApiClient(AuthenticationV1Api);
  await eventually(
    () => expect(review.createSelfSubjectReview({ body: {} })).rejects.toMatchObject({ code: 401 }),
    { what: 'the old token is refused', timeoutMs: 30_000 },
  );
}

/** As the kubelet does it: what is read is one or the other, never a part. */
async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

function kubeconfigOf(server: string, caFile: string, tokenFile: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'controlplane', cluster: { server, 'certificate-authority': caFile } }],
    users: [{ name: 'operator', user: { tokenFile } }],
    contexts: [{ name: 'controlplane', context: { cluster: 'controlplane', user: 'operator' } }],
    'current-context': 'controlplane',
  });
}
