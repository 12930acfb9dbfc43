/** Writes changes, and writes what the API server answered through to the stores. */
import isEmpty from 'lodash/isEmpty.js';
import type { ManagedKind } from '../api/kinds.ts';
import {
  baselineLabel,
  baselineUidLabel,
  deletionPolicyAnnotation,
  justificationAnnotation,
  managedByLabel,
  pullSecretsAnnotation,
} from '../api/labels.ts';
import { defaultServiceAccountName } from '../api/names.ts';
import type { KubernetesObject, Manifest } from '../api/objects.ts';
import type { Change } from '../diff/change-set.ts';
import type { ObservedNamespace } from '../diff/observed-namespace.ts';
import { isApiError } from '../kube/api-error.ts';
import type { Priority } from '../kube/in-flight-limiter.ts';
import type { ResourceClient } from '../kube/resource-client.ts';

/** Where objects of a kind are written, and where their records go. */
export interface WriteTarget {
  readonly client: Pick<
    ResourceClient<KubernetesObject>,
    'create' | 'replace' | 'mergePatch' | 'apply' | 'delete'
  >;
  /** Takes the API server's answer to a write. */
  observe(object: KubernetesObject): void;
}

/** The targets of all writes. */
export interface WriteTargets {
  readonly objects: Readonly<Record<ManagedKind, WriteTarget>>;
  readonly namespaces: WriteTarget;
}

/** How a change is written: with which urgency, and until when. */
export interface WriteContext {
  readonly priority: Priority;
  readonly signal: AbortSignal;
}

/**
 * Writes one change. Objects that are wholly ours are created and replaced whole, which also takes away what others added to
 * fields that we leave empty; shared ones (the namespace's labels, the default ServiceAccount) are applied, so that others keep
 * their fields (docs/adr/0003). Every write of something that exists carries its UID or resourceVersion.
 */
export class ChangeWriter {
  readonly #targets: WriteTargets;

  constructor(targets: WriteTargets) {
    this.#targets = targets;
  }

  /** Rejects with an `ApiError`. */
  async write(change: Change, namespace: ObservedNamespace, context: WriteContext): Promise<void> {
    switch (change.action) {
      case 'create': {
        const { client, observe } = this.#target(change.desired.kind);
        observe(await client.create(inNamespace(change.desired.manifest, namespace.name), context));
        return;
      }
      case 'replace': {
        const { client, observe } = this.#target(change.desired.kind);
        const { uid, resourceVersion } = change.observed;
        const manifest = inNamespace(change.desired.manifest, namespace.name, { uid, resourceVersion });
        observe(await client.replace(manifest, context));
        return;
      }
      case 'recreate': {
        // What grants goes first. What limits goes only for what the API server would take: it tells a bad object before a taken name.
        const isLimit = change.desired.grantsTo === undefined;
        if (isLimit && (await this.#isCreated(change, namespace, context))) return;
        await this.#delete(change, namespace, context);
        if (await this.#isCreated(change, namespace, context)) return;
        // A finalizer holds it. Nothing of ours waits for one; whoever put it there would keep a hole open.
        const { client, observe } = this.#target(change.desired.kind);
        const { name, uid } = change.observed;
        await client.mergePatch(name, namespace.name, { metadata: { uid, finalizers: null } }, context);
        observe(await client.create(inNamespace(change.desired.manifest, namespace.name), context));
        return;
      }
      case 'patch': {
        const { client, observe } = this.#target(change.desired.kind);
        const { name, manifest } = change.desired;
        const patch = {
          metadata: {
            uid: change.observed.uid,
            resourceVersion: change.observed.resourceVersion,
            labels: manifest.metadata.labels,
            annotations: { ...withoutOurAnnotations, ...manifest.metadata.annotations },
          },
          automountServiceAccountToken: manifest.automountServiceAccountToken,
          imagePullSecrets: change.pullSecrets.map((secret) => ({ name: secret })),
        };
        observe(await client.mergePatch(name, namespace.name, patch, context));
        return;
      }
      case 'delete':
        return await this.#delete(change, namespace, context);
      case 'release': {
        const { client, observe } = this.#target(change.observed.kind);
        const { name, uid, resourceVersion } = change.observed;
        const metadata = {
          uid,
          resourceVersion,
          labels: withoutOurLabels,
          annotations: withoutOurAnnotations,
        };
        observe(await client.mergePatch(name, namespace.name, { metadata }, context));
        return;
      }
      case 'label': {
        const { client, observe } = this.#targets.namespaces;
        const metadata = {
          name: namespace.name,
          uid: namespace.uid,
          // An empty map that is applied is owned itself, and the API server would never forget us there.
          ...(isEmpty(change.labels) ? {} : { labels: change.labels }),
          ...(isEmpty(change.annotations) ? {} : { annotations: change.annotations }),
        };
        observe(
          await client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata }, { ...context, force: true }),
        );
        return;
      }
      case 'set-default-token': {
        const { client, observe } = this.#target('ServiceAccount');
        const { automount, account: there } = change;
        // By its UID alone a namesake would be refused as if the request were wrong; by the version it is a conflict.
        const precondition = there && { uid: there.uid, resourceVersion: there.resourceVersion };
        const account = {
          apiVersion: 'v1',
          kind: 'ServiceAccount',
          metadata: { name: defaultServiceAccountName, namespace: namespace.name, ...precondition },
          ...(automount === undefined ? {} : { automountServiceAccountToken: automount }),
        };
        observe(await client.apply(account, { ...context, force: true }));
        return;
      }
    }
  }

  #target(kind: ManagedKind): WriteTarget {
    return this.#targets.objects[kind];
  }

  /** False where the name is taken. */
  async #isCreated(
    { desired }: Change & { action: 'recreate' },
    namespace: ObservedNamespace,
    context: WriteContext,
  ): Promise<boolean> {
    const { client, observe } = this.#target(desired.kind);
    try {
      observe(await client.create(inNamespace(desired.manifest, namespace.name), context));
      return true;
    } catch (error) {
      if (isApiError(error, 'alreadyExists')) return false;
      throw error;
    }
  }

  async #delete(
    { observed }: Change & { action: 'delete' | 'recreate' },
    namespace: ObservedNamespace,
    context: WriteContext,
  ): Promise<void> {
    const { client } = this.#target(observed.kind);
    const { uid, resourceVersion } = observed;
    await client.delete(observed.name, namespace.name, { ...context, uid, resourceVersion });
  }
}

const withoutOurLabels = { [managedByLabel]: null, [baselineLabel]: null, [baselineUidLabel]: null };
const withoutOurAnnotations = {
  [justificationAnnotation]: null,
  [deletionPolicyAnnotation]: null,
  [pullSecretsAnnotation]: null,
};

/** Fills in what differs between namespaces. */
function inNamespace(
  manifest: Manifest,
  namespace: string,
  precondition: { readonly uid?: string; readonly resourceVersion?: string } = {},
): Manifest {
  const metadata = { ...manifest.metadata, namespace, ...precondition };
  if (manifest.kind !== 'RoleBinding') return { ...manifest, metadata };
  const subjects = (manifest.subjects as readonly object[]).map((subject) => ({ ...subject, namespace }));
  return { ...manifest, metadata, subjects };
}
