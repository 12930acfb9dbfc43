/** Asks an API server whether it would take a manifest, or what may be a part of one. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { ApiClient } from '../../src/kube/api-client.ts';
import { isApiError } from '../../src/kube/api-error.ts';
import { Credentials } from '../../src/kube/credentials.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { loadKubeconfig } from './control-plane.ts';
import { root } from './docs-pages.ts';

/** What became of it. */
export type Answer =
  | { readonly kind: 'sent'; readonly refusal: string | undefined }
  /** Neither a manifest of a kind that is served here, nor a fragment of a baseline. */
  | { readonly kind: 'not ours'; readonly what: string };

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** The fields of a baseline's spec, by the field of the spec that they are in; '' for those of the spec itself. */
function specFields(): ReadonlyMap<string, ReadonlySet<string>> {
  const crd = parse(readFileSync(`${root}crds/securitybaselines.yaml`, 'utf8'), { maxAliasCount: -1 }) as {
    spec: { versions: [{ schema: { openAPIV3Schema: Schema } }] };
  };
  const spec = crd.spec.versions[0].schema.openAPIV3Schema.properties?.spec?.properties ?? {};
  const names = (fields: Schema | undefined): ReadonlySet<string> =>
    new Set(Object.keys(fields?.properties ?? {}));
  return new Map([
    ['', new Set(Object.keys(spec))],
    ...['networkPolicy', 'admission'].map((field) => [field, names(spec[field])] as const),
  ]);
}

/** Sends dry runs as an administrator. Namespaces that manifests name are made, since they have to be there. */
export class DryRun {
  readonly #client: ApiClient;
  readonly #fields = specFields();

  private constructor(client: ApiClient) {
    this.#client = client;
  }

  static async open(kubeconfig: string): Promise<DryRun> {
    const credentials = new Credentials({ load: () => loadKubeconfig(kubeconfig), clock: systemClock });
    return new DryRun(new ApiClient({ credentials, clock: systemClock, version: 'docs' }));
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /** @param content what a document holds */
  async send(content: unknown): Promise<Answer> {
    if (typeof content !== 'object' || content === null || Array.isArray(content)) {
      return { kind: 'not ours', what: 'a fragment' };
    }
    if ('apiVersion' in content && 'kind' in content)
      return await this.#sendManifest(content as unknown as Manifest);
    const baseline = this.#baselineOf(content);
    return baseline === undefined
      ? { kind: 'not ours', what: `a fragment with ${Object.keys(content).join(', ')}` }
      : await this.#sendManifest(baseline);
  }

  /** The least baseline that a fragment is a part of; undefined where it is of none. */
  #baselineOf(fragment: object): Manifest | undefined {
    for (const [field, known] of this.#fields) {
      if (!Object.keys(fragment).every((key) => known.has(key))) continue;
      const spec = field === '' ? fragment : { [field]: fragment };
      return {
        apiVersion: 'securitybaseline.io/v1alpha1',
        kind: 'SecurityBaseline',
        metadata: { name: 'fragment' },
        spec: { namespaceSelector: {}, defaultServiceAccount: { automountToken: false }, ...spec },
      } as Manifest;
    }
    return undefined;
  }

  async #sendManifest(manifest: Manifest): Promise<Answer> {
    const { apiVersion, kind } = manifest;
    const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const resource = await this.#resourceOf(group, kind);
    if (resource === undefined) return { kind: 'not ours', what: `${kind} of ${apiVersion}` };
    const namespace = manifest.metadata.namespace ?? 'default';
    if (resource.namespaced) await this.#ensureNamespace(namespace);
    const path = `${group}${resource.namespaced ? `/namespaces/${namespace}` : ''}/${resource.name}/${manifest.metadata.name}`;
    // Apply, as a reader would, and not create: namespaces and the like may be there already.
    const query = 'dryRun=All&fieldValidation=Strict&fieldManager=docs&force=true';
    try {
      await this.#client.request({
        operation: { verb: 'patch', resource: resource.name, name: manifest.metadata.name },
        method: 'PATCH',
        path: `${path}?${query}`,
        contentType: 'application/apply-patch+yaml',
        body: manifest,
      });
      return { kind: 'sent', refusal: undefined };
    } catch (error) {
      if (!isApiError(error)) throw error;
      return { kind: 'sent', refusal: error.message };
    }
  }

  async #resourceOf(group: string, kind: string): Promise<{ name: string; namespaced: boolean } | undefined> {
    try {
      const { resources } = await this.#client.request<{
        resources: readonly { readonly kind: string; readonly name: string; readonly namespaced: boolean }[];
      }>({ operation: { verb: 'get', resource: 'discovery' }, method: 'GET', path: group });
      return resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
    } catch (error) {
      if (isApiError(error, 'notFound')) return undefined;
      throw error;
    }
  }

  async #ensureNamespace(name: string): Promise<void> {
    try {
      await this.#client.request({
        operation: { verb: 'create', resource: 'namespaces', name },
        method: 'POST',
        path: '/api/v1/namespaces',
        body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      });
    } catch (error) {
      if (!isApiError(error, 'alreadyExists')) throw error;
    }
  }
}
