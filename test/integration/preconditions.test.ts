import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubernetesObject } from '../../src/api/objects.ts';
import { ChangeWriter, type WriteTargets } from '../../src/controller/change-writer.ts';
import type { Change } from '../../src/diff/change-set.ts';
import { type ObservedNamespace, observeNamespace } from '../../src/diff/observed-namespace.ts';
import { ApiClient } from '../../src/kube/api-client.ts';
import { Credentials, kubeConfigLoader } from '../../src/kube/credentials.ts';
import { ResourceClient } from '../../src/kube/resource-client.ts';
import { systemClock as clock } from '../../src/runtime/clock.ts';
import { sharedControlPlane } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { RestClient, type ServedObject } from '../support/rest-client.ts';

// A write that was decided on one object must not reach its namesake, however late it comes.

const namespaceName = 'preconditions';
const context = { priority: 'urgent', signal: new AbortController().signal } as const;
let admin: RestClient;
let client: ApiClient;
let writer: ChangeWriter;
let namespace: ObservedNamespace;

beforeAll(async () => {
  const kubeconfig = sharedControlPlane().adminKubeconfig;
  admin = new RestClient(kubeconfig);
  client = new ApiClient({
    credentials: new Credentials({ load: kubeConfigLoader({ kubeconfig }), clock }),
    clock,
    version: 'test',
  });
  const target = (plural: string, namespaced: boolean) => ({
    client: new ResourceClient<KubernetesObject>(client, { group: '', version: 'v1', plural, namespaced }),
    observe: () => undefined,
  });
  const objects = { ServiceAccount: target('serviceaccounts', true) };
  writer = new ChangeWriter({ objects, namespaces: target('namespaces', false) } as unknown as WriteTargets);
  await admin.create({ kind: 'Namespace', name: namespaceName });
  namespace = observeNamespace(await admin.get({ kind: 'Namespace', name: namespaceName }));
});
afterAll(async () => {
  await admin.delete({ kind: 'Namespace', name: namespaceName });
  await client.close();
  admin.close();
});

const place = { kind: 'ServiceAccount', namespace: namespaceName, name: 'default' } as const;

/** The default ServiceAccount, made by the cluster itself, once it is another one than `before`. */
async function account(before?: ServedObject): Promise<ServedObject> {
  return await eventually(
    async () => {
      const found = await admin.get(place);
      expect(found.metadata.uid).not.toBe(before?.metadata.uid);
      return found;
    },
    { what: 'the default ServiceAccount is made' },
  );
}

async function denyToken({ metadata }: ServedObject): Promise<void> {
  const change = { action: 'set-default-token', automount: false, account: metadata };
  await writer.write(change as unknown as Change, namespace, context);
}

test('the token of an account is denied as it was seen, and of no namesake', async () => {
  const first = await account();
  await admin.delete(place);
  const second = await account(first);
  await expect(denyToken(first)).rejects.toMatchObject({ kind: 'conflict' });
  expect(await admin.get(place)).not.toHaveProperty('automountServiceAccountToken');
  await denyToken(second);
  expect(await admin.get(place)).toMatchObject({ automountServiceAccountToken: false });
});

test('the token of an account that somebody has edited since is looked at again', async () => {
  const seen = await account();
  await admin.mergePatch(place, { automountServiceAccountToken: true });
  await expect(denyToken(seen)).rejects.toMatchObject({ kind: 'conflict' });
  expect(await admin.get(place)).toMatchObject({ automountServiceAccountToken: true });
});

test('the labels of a namespace are not given to a namesake', async () => {
  const label: Change = { action: 'label', labels: { team: 'a' }, annotations: {}, loses: false };
  const { uid } = (await account()).metadata;
  const write = writer.write(label, { ...namespace, uid }, context);
  await expect(write).rejects.toMatchObject({ kind: 'conflict', status: 422 });
  const { metadata } = await admin.get({ kind: 'Namespace', name: namespaceName });
  expect(metadata.labels).not.toHaveProperty('team');
});
