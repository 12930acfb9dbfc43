/** Reads and applies this project's manifests, as an installer would. */
import { globSync, readFileSync } from 'node:fs';
import type { KubeConfig, KubernetesObject } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { ApiClient } from '../../src/kube/api-client.ts';
import { Credentials } from '../../src/kube/credentials.ts';
import { ResourceClient, rootPath } from '../../src/kube/resource-client.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { untilAggregated } from './cluster-roles.ts';
import { untilComplete } from './until.ts';

const root = new URL('../../', import.meta.url);

/**
 * What `kubectl apply -k config/default` installs, without what concerns pods (the operator runs as a process here), without the roles
 * for people, and without the guard, which would refuse the tampering that is to be seen repaired. All of the operator's own
 * permissions are here: test/packaging/kustomize.test.ts compares.
 */
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

/**
 * Applies objects one after the other, and waits for CRDs to be served and for aggregated ClusterRoles to have their rules. They are sent
 * as they are read: client-node's typed serializer drops CEL rules from CRDs.
 */
export async function applyManifests(
  kubeConfig: KubeConfig,
  objects: readonly KubernetesObject[],
): Promise<void> {
  await withClient(kubeConfig, async (client) => {
    for (const object of objects) await apply(client, object as AppliedObject);
    if (objects.some(({ kind }) => kind === 'ClusterRole')) await untilAggregated(client);
  });
}

/** Waits for what has been installed by other means as {@link applyManifests} waits for what it applies. */
export async function untilPermitted(kubeConfig: KubeConfig): Promise<void> {
  await withClient(kubeConfig, untilAggregated);
}

async function withClient(kubeConfig: KubeConfig, use: (client: ApiClient) => Promise<void>): Promise<void> {
  const credentials = new Credentials({ load: () => kubeConfig, clock: systemClock });
  const client = new ApiClient({ credentials, clock: systemClock, version: 'installer' });
  try {
    await use(client);
  } finally {
    await client.close();
  }
}

interface AppliedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function apply(client: ApiClient, object: AppliedObject): Promise<void> {
  const resources = new ResourceClient<AppliedObject>(client, await resourceOf(client, object), {
    fieldManager: 'installer',
  });
  await resources.apply(object, { force: true });
  if (object.kind !== 'CustomResourceDefinition') return;
  const { name } = object.metadata;
  await untilComplete(async () => {
    const { status } = await resources.get(name);
    const isServed = status?.conditions?.some(
      ({ type, status }) => type === 'Established' && status === 'True',
    );
    return isServed ? undefined : `${name} is served`;
  });
}

/** Where a kind is served, as the API server's discovery tells. */
async function resourceOf(client: ApiClient, { apiVersion, kind }: AppliedObject) {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  const path = rootPath({ group, version, plural: '', namespaced: false });
  const { resources } = await client.request<{
    resources: readonly { readonly kind: string; readonly name: string; readonly namespaced: boolean }[];
  }>({ operation: { verb: 'get', resource: 'discovery' }, method: 'GET', path });
  const found = resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
  if (found === undefined) throw new Error(`the API server does not serve ${kind} of ${apiVersion}`);
  return { group, version, plural: found.name, namespaced: found.namespaced };
}
