import type { LeaseLock, LeaseRecord, StoredLease } from '../runtime/lease-lock.ts';
import type { ApiClient, Method } from './api-client.ts';
import { isApiError } from './api-error.ts';
import { microTime } from './micro-time.ts';
import type { Verb } from './operation.ts';
import { type KubeObject, type ResourceDefinition, resourcePath, rootPath } from './resource-client.ts';

/** Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/ */
interface Lease extends KubeObject {
  readonly apiVersion: 'coordination.k8s.io/v1';
  readonly kind: 'Lease';
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

const leases: ResourceDefinition = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  namespaced: true,
};

/** A renewal that takes longer has missed its point: the elector tries anew within its renew deadline. */
const timeoutMs = 5000;

/** Keeps the elector's lease in a Lease object, by requests that pass the limiter and the leader's own guard. */
export class KubeLeaseLock implements LeaseLock {
  readonly name: string;
  readonly #client: ApiClient;
  readonly #metadata: { readonly namespace: string; readonly name: string };
  readonly #collection: string;
  readonly #path: string;

  constructor(client: ApiClient, namespace: string, name: string) {
    this.name = `${namespace}/${name}`;
    this.#client = client;
    this.#metadata = { namespace, name };
    this.#collection = resourcePath(rootPath(leases), leases, namespace);
    this.#path = resourcePath(rootPath(leases), leases, namespace, name);
  }

  async read(signal: AbortSignal): Promise<StoredLease | undefined> {
    try {
      return await this.#send('get', 'GET', this.#path, undefined, signal);
    } catch (error) {
      if (isApiError(error, 'notFound')) return undefined;
      throw error;
    }
  }

  async create(record: LeaseRecord, signal: AbortSignal): Promise<StoredLease> {
    return await this.#send('create', 'POST', this.#collection, this.#leaseOf(record), signal);
  }

  async update(record: StoredLease, signal: AbortSignal): Promise<StoredLease> {
    // An empty resourceVersion would be an unconditional write, and two leaders.
    if (record.resourceVersion === '')
      throw new TypeError(`lease ${this.name}: update needs a resourceVersion`);
    return await this.#send(
      'update',
      'PUT',
      this.#path,
      this.#leaseOf(record, record.resourceVersion),
      signal,
    );
  }

  async #send(
    verb: Verb,
    method: Method,
    path: string,
    body: Lease | undefined,
    signal: AbortSignal,
  ): Promise<StoredLease> {
    const lease = await this.#client.request<Lease>({
      operation: { verb, resource: leases.plural, ...this.#metadata },
      method,
      path,
      body,
      signal,
      timeoutMs,
      isCoordination: true,
    });
    return recordOf(lease);
  }

  #leaseOf(record: LeaseRecord, resourceVersion?: string): Lease {
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...this.#metadata, ...(resourceVersion !== undefined && { resourceVersion }) },
      spec: {
        // The API server refuses an empty holder; a released lease has none.
        ...(record.holderIdentity !== '' && { holderIdentity: record.holderIdentity }),
        leaseDurationSeconds: record.leaseDurationSeconds,
        acquireTime: microTime(record.acquireTimeMs),
        renewTime: microTime(record.renewTimeMs),
        leaseTransitions: record.leaseTransitions,
      },
    };
  }
}

function recordOf({ metadata, spec }: Lease): StoredLease {
  return {
    holderIdentity: spec?.holderIdentity ?? '',
    leaseDurationSeconds: spec?.leaseDurationSeconds ?? 0,
    acquireTimeMs: millisecondsOf(spec?.acquireTime),
    renewTimeMs: millisecondsOf(spec?.renewTime),
    leaseTransitions: spec?.leaseTransitions ?? 0,
    resourceVersion: metadata.resourceVersion ?? '',
  };
}

function millisecondsOf(time: string | undefined): number {
  return time === undefined ? 0 : Date.parse(time);
}
