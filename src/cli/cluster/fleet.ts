/**
 * The cluster as the operator sees it: the same stores, filled by lists instead of watches, and asked by the same functions. What
 * the commands say about the operator is what the operator itself would compute.
 */
import { type ManagedKind, managedKindNames, managedKinds, type ResourceType } from '../../api/kinds.ts';
import type { KubernetesObject } from '../../api/objects.ts';
import type { BaselineException, SecurityBaseline } from '../../api/types.generated.ts';
import { ClusterView } from '../../controller/cluster-view.ts';
import { DesiredStates } from '../../controller/desired-states.ts';
import {
  baselineType,
  createWatchedResources,
  exceptionType,
  namespaceType,
  type ServedObject,
  type WatchedResource,
  type WatchedResources,
} from '../../controller/watched-resources.ts';
import type { Change, ChangeSet } from '../../diff/change-set.ts';
import { Differ } from '../../diff/diff.ts';
import { Fingerprinter } from '../../diff/fingerprint.ts';
import type { ObservedNamespace } from '../../diff/observed-namespace.ts';
import type { ClusterReader } from './cluster-reader.ts';
import { resourceName } from './gap.ts';
import type { InstallationOptions } from './installation-options.ts';

/** What to read of the fleet. */
export interface FleetRequest {
  readonly reader: ClusterReader;
  readonly installation: InstallationOptions;
  /** Only what is in this namespace. Default: everything. */
  readonly namespace?: string | undefined;
  /** Only what tells which baselines and exceptions are about which namespaces: no managed objects, no facts. */
  readonly selectionOnly?: boolean;
  /** Baselines that are asked about beside those in the cluster: they may need facts that no other does. */
  readonly planned?: readonly SecurityBaseline[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What replaces the cluster's own. */
export interface Proposal {
  readonly baselines: readonly SecurityBaseline[];
  readonly exceptions?: readonly BaselineException[];
}

/** The cluster, read once. */
export class Fleet {
  readonly baselines: readonly SecurityBaseline[];
  readonly #resources: WatchedResources;
  readonly #raw: ReadonlyMap<string, KubernetesObject>;
  readonly #unread: ReadonlySet<string>;
  readonly #request: FleetRequest;
  readonly #fingerprinter: Fingerprinter;

  private constructor(
    request: FleetRequest,
    resources: WatchedResources,
    raw: ReadonlyMap<string, KubernetesObject>,
    unread: ReadonlySet<string>,
    fingerprinter: Fingerprinter,
  ) {
    this.#request = request;
    this.#resources = resources;
    this.#raw = raw;
    this.#unread = unread;
    this.#fingerprinter = fingerprinter;
    this.baselines = Array.from(resources.baselines, ({ baseline }) => baseline).sort(byName);
  }

  /** Reads everything that desired and observed states depend on. */
  static async read(request: FleetRequest): Promise<Fleet> {
    const fingerprinter = new Fingerprinter();
    const { installation, planned = [] } = request;
    const resources = createWatchedResources(fingerprinter, {
      grantableRole: installation.grantableClusterRole,
      namespace: installation.operatorNamespace,
    });
    const raw = new Map<string, KubernetesObject>();
    const unread = new Set<string>();
    const fill = async (resource: WatchedResource): Promise<void> => {
      if (!(await readInto(resource, request, raw))) unread.add(resourceName(resource.type));
    };
    const [first, ...others] = resources.all.toSorted(
      (a, b) => Number(b.type === baselineType) - Number(a.type === baselineType),
    );
    if (first !== undefined) await fill(first);
    const known = [...Array.from(resources.baselines, ({ baseline }) => baseline), ...planned];
    const wanted = others.filter(
      (resource) =>
        isNeeded(resource, known) &&
        (request.selectionOnly !== true || selectionTypes.includes(resource.type)),
    );
    await Promise.all(wanted.map(fill));
    return new Fleet(request, resources, raw, unread, fingerprinter);
  }

  /** Whether everything of this resource was read. */
  hasRead(type: ResourceType): boolean {
    return !this.#unread.has(resourceName(type));
  }

  /** Whether all objects of this kind were read. */
  hasReadKind(kind: ManagedKind): boolean {
    return this.hasRead(managedKinds[kind]);
  }

  /** An object as it is served, without its managed fields: of a managed kind, or a Namespace. */
  object(kind: string, namespace: string, name: string): KubernetesObject | undefined {
    return this.#raw.get(keyOf(kind, namespace, name));
  }

  /** All objects of a kind, as they are served. */
  *objects(kind: ManagedKind | 'Namespace'): Iterable<KubernetesObject> {
    const prefix = `${kind}/`;
    for (const [key, object] of this.#raw) if (key.startsWith(prefix)) yield object;
  }

  /** The objects of a kind in one namespace, as they are served. */
  inNamespace(kind: ManagedKind, namespace: string): readonly KubernetesObject[] {
    return Array.from(this.#resources.objects[kind].inNamespace(namespace), ({ name }) =>
      this.object(kind, namespace, name),
    ).filter((object) => object !== undefined);
  }

  /** The exceptions in the cluster. */
  get exceptions(): readonly BaselineException[] {
    return Array.from(this.#resources.exceptions, ({ exception }) => exception);
  }

  /** The fleet as its baselines have it, or as others would. */
  evaluate(
    { baselines, exceptions = this.exceptions }: Proposal = { baselines: this.baselines },
  ): Evaluation {
    const { installation, now } = this.#request;
    const byNamespace = Map.groupBy(exceptions, ({ metadata }) => metadata.namespace ?? '');
    const view = new ClusterView(
      this.#resources,
      [installation.operatorNamespace, ...installation.protectedNamespaces],
      installation.clusterCidrs,
    );
    const desired = new DesiredStates({ exceptions: (name) => byNamespace.get(name) ?? [], now });
    desired.update(baselines, view.facts);
    const differ = new Differ(this.#fingerprinter);
    return new Evaluation({ baselines, view, desired, differ, hasRead: (kind) => this.hasReadKind(kind) });
  }
}

/** What an evaluation is made of. */
interface EvaluationParts {
  readonly baselines: readonly SecurityBaseline[];
  readonly view: ClusterView;
  readonly desired: DesiredStates;
  readonly differ: Differ;
  readonly hasRead: (kind: ManagedKind) => boolean;
}

/** The fleet under one set of baselines. */
export class Evaluation {
  readonly baselines: readonly SecurityBaseline[];
  readonly view: ClusterView;
  readonly desired: DesiredStates;
  readonly #parts: EvaluationParts;

  constructor(parts: EvaluationParts) {
    this.baselines = parts.baselines;
    this.view = parts.view;
    this.desired = parts.desired;
    this.#parts = parts;
  }

  /** All namespaces that baselines can select, by name. */
  get namespaces(): readonly ObservedNamespace[] {
    return [...this.view.namespaces()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * What the operator would do in the namespace, as far as that can be told: of kinds that could not be read, it cannot
   * be known what is missing.
   */
  changes(namespace: ObservedNamespace): ChangeSet {
    const found = this.#parts.differ.diff(this.desired.of(namespace), this.view.observed(namespace));
    const changes = found.changes.filter((change) => this.#isKnown(change));
    return { ...found, changes };
  }

  #isKnown(change: Change): boolean {
    if (change.action === 'label') return true;
    if (change.action === 'set-default-token') return this.#parts.hasRead('ServiceAccount');
    return this.#parts.hasRead('desired' in change ? change.desired.kind : change.observed.kind);
  }
}

async function readInto(
  { type, selection, store, optional }: WatchedResource,
  { reader, namespace }: FleetRequest,
  raw: Map<string, KubernetesObject>,
): Promise<boolean> {
  const kind = kindOf(type);
  const { items, isComplete } = await reader.read({
    resource: type,
    selection: narrowed(type, selection, namespace),
    consequence: consequences[type.plural] ?? 'what depends on it is left out',
    isOptional: optional === true || type === exceptionType,
    project: (object) => {
      if (kind !== undefined) {
        const { managedFields: _, ...metadata } = object.metadata;
        raw.set(keyOf(kind, metadata.namespace ?? '', metadata.name), { ...object, kind, metadata });
      }
      return object as ServedObject;
    },
  });
  store.swap(items, '1');
  return isComplete;
}

function narrowed(
  type: WatchedResource['type'],
  selection: WatchedResource['selection'],
  namespace: string | undefined,
): WatchedResource['selection'] {
  if (namespace === undefined) return selection;
  if (type === namespaceType) return { fieldSelector: `metadata.name=${namespace}` };
  return type === exceptionType || isManaged(type) ? { ...selection, namespace } : selection;
}

function isManaged(type: ResourceType): boolean {
  return kindOf(type) !== undefined && type !== namespaceType;
}

function kindOf(type: ResourceType): ManagedKind | 'Namespace' | undefined {
  if (type === namespaceType) return 'Namespace';
  return managedKindNames.find((kind) => managedKinds[kind].plural === type.plural);
}

function keyOf(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

function byName(a: SecurityBaseline, b: SecurityBaseline): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

/** Facts about the cluster that only some baselines need; what nobody needs, nobody must be permitted to read. */
const needs: Readonly<Record<string, (spec: SecurityBaseline['spec']) => boolean>> = {
  configmaps: () => false,
  services: ({ networkPolicy }) => networkPolicy?.allow?.dns !== undefined,
  clusterroles: ({ serviceAccounts = [] }) =>
    serviceAccounts.some(({ rules, clusterRoles }) => rules !== undefined || clusterRoles !== undefined),
  endpointslices: ({ networkPolicy }) =>
    networkPolicy?.allow?.kubernetesAPI !== undefined || networkPolicy?.allow?.webhooks !== undefined,
  nodes: ({ networkPolicy }) =>
    networkPolicy?.allow?.nodes !== undefined || networkPolicy?.allow?.internet !== undefined,
  servicecidrs: ({ networkPolicy }) => networkPolicy?.allow?.internet !== undefined,
};

const selectionTypes: readonly WatchedResource['type'][] = [baselineType, exceptionType, namespaceType];

function isNeeded({ type }: WatchedResource, baselines: readonly SecurityBaseline[]): boolean {
  const need = needs[type.plural];
  return need === undefined || baselines.some(({ spec }) => need(spec));
}

const consequences: Readonly<Record<string, string>> = {
  securitybaselines: 'the baselines that there are now are not known',
  baselineexceptions: 'exceptions are not taken into account',
  namespaces: 'only your own namespace is looked at',
  services: "the cluster's DNS is not known, so allow.dns is left as it is",
  clusterroles: 'what baselines may grant is not known, so Roles are left out',
  endpointslices: "the API server's addresses are not known, so what depends on them is left as it is",
  nodes: "the Nodes' addresses are not known, so what depends on them is left as it is",
  servicecidrs: "the Services' addresses are not known, so what depends on them is left as it is",
  networkpolicies: 'changes of NetworkPolicies and of connections are left out',
  resourcequotas: 'changes of ResourceQuotas are left out',
  limitranges: 'changes of LimitRanges are left out',
  serviceaccounts: 'changes of ServiceAccounts are left out',
  roles: 'changes of Roles are left out',
  rolebindings: 'changes of RoleBindings are left out',
};
