/** Reads and applies this project's manifests, as an installer would. */
import { globSync, readFileSync } from 'node:fs';
import {
  ApiextensionsV1Api,
  type KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  PatchStrategy,
} from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';

const root = new URL('../../', import.meta.url);

/** What `kubectl apply -k config/default` installs, without the Deployment: the operator runs as a process here. */
export const installation = [
  'config/default/namespace.yaml',
  'crds/baselineexceptions.yaml',
  'crds/securitybaselines.yaml',
  'config/rbac/service-account.yaml',
  'config/rbac/operator.yaml',
  'config/rbac/grantable.yaml',
  'config/rbac/leader-election.yaml',
  'config/manager/flow-schema.yaml',
  'config/rbac/removal-holds.yaml',
] as const;

/** The objects in a file or, by a glob, in several; paths are relative to the repository. */
export function readManifests(pattern: string): KubernetesObject[] {
  const files = globSync(pattern, { cwd: root.pathname }).sort();
  if (files.length === 0) throw new Error(`no file matches ${pattern}`);
  return files.flatMap((file) =>
    parseAllDocuments(readFileSync(new URL(file, root), 'utf8')).map((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw new Error(`${file}: ${error.message}`, { cause: error });
      return document.toJS({ maxAliasCount: -1 }) as KubernetesObject;
    }),
  );
}

/** Applies objects one after the other, and waits for CRDs to be served. */
export async function applyManifests(
  kubeConfig: KubeConfig,
  objects: readonly KubernetesObject[],
): Promise<void> {
  const client = KubernetesObjectApi.makeApiClient(kubeConfig);
  for (const object of objects) {
    await client.patch(object, undefined, undefined, 'installer', true, PatchStrategy.ServerSideApply);
    if (object.kind === 'CustomResourceDefinition')
      await waitUntilServed(kubeConfig, object.metadata?.name ?? '');
  }
}

async function waitUntilServed(kubeConfig: KubeConfig, name: string): Promise<void> {
  const crds = kubeConfig.makeApiClient(ApiextensionsV1Api);
  const deadline = Date.now() + 30_000;
  for (;;) {
    const { status } = await crds.readCustomResourceDefinition({ name });
    if (status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True')) return;
    if (Date.now() > deadline) throw new Error(`${name} is not served after 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
