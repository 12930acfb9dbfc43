import { Bits } from './bits.ts';
import { ConnectionSet } from './connection-set.ts';
import { expand, type Party } from './expand.ts';
import { type DirectionVerdict, decide, type End } from './explain.ts';
import { parseAddress } from './ip.ts';
import { type Cluster, type Labels, namespaceLabels, type Pod, type Protocol, workloadOf } from './model.ts';
import { Parties } from './parties.ts';
import { type NormalPolicy, normalizePolicy } from './policy.ts';
import { Reachability } from './reachability.ts';

/** A pod by name; or, where no pod has the name, the first pod of a workload that has. */
export interface PodRef {
  readonly namespace: string;
  readonly name: string;
}

/** An address. One that belongs to a pod means that pod. */
export interface AddressRef {
  readonly ip: string;
}

export interface Query {
  readonly source: PodRef | AddressRef;
  readonly destination: PodRef | AddressRef;
  /** A number, or the name of a container port of the destination. Default: any port. */
  readonly port?: number | string;
  /** Default: TCP where a port is given, else any. */
  readonly protocol?: Protocol;
}

/** The answer to a query, with everything that led to it. */
export interface Verdict {
  /** Whether what was asked may pass; where no port was asked for, whether anything may. */
  readonly allowed: boolean;
  /** The part of what was asked that may pass. */
  readonly connections: ConnectionSet;
  readonly egress: DirectionVerdict;
  readonly ingress: DirectionVerdict;
}

/** A line of the connectivity list. */
export interface Connection {
  readonly source: Party;
  readonly destination: Party;
  readonly connections: ConnectionSet;
}

/** A query names a pod that the cluster does not hold. */
export class UnknownPodError extends Error {
  override readonly name = 'UnknownPodError';
  readonly namespace: string;
  readonly pod: string;

  constructor({ namespace, name }: PodRef) {
    super(`there is no pod or workload ${JSON.stringify(name)} in namespace ${JSON.stringify(namespace)}`);
    this.namespace = namespace;
    this.pod = name;
  }
}

/**
 * Answers what the NetworkPolicies of a cluster let pass. Pure: the cluster is data, and the same data gives
 * the same answer.
 *
 * Where the API leaves the choice to network plugins, the engine chooses and says so in its verdicts:
 * - An ipBlock matches a pod by its address, as the upstream test suite requires. Cilium does not.
 * - Pods on the host's network are outside of policies, and for the rules of others an address like any other.
 * - A pod's own node may always reach it. Placement changes, so this is not counted as a connection.
 * - ICMP and other protocols than TCP, UDP and SCTP are not looked at.
 *
 * https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
export class ConnectivityEngine {
  readonly #cluster: Cluster;
  readonly #labelsOf: (namespace: string) => Labels;
  readonly #policies: readonly NormalPolicy[];
  readonly #byNamespace: ReadonlyMap<string, readonly NormalPolicy[]>;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#labelsOf = namespaceLabels(cluster);
    this.#policies = cluster.policies.map(normalizePolicy);
    this.#byNamespace = Map.groupBy(this.#policies, ({ namespace }) => namespace);
  }

  /**
   * Whether a connection may be opened, and which policies say so.
   *
   * @throws {UnknownPodError} for a pod that the cluster does not hold.
   * @throws {RangeError} for text that is no address, and where neither end is in the cluster.
   */
  canConnect({ source, destination, port, protocol }: Query): Verdict {
    const from = this.#end(source);
    const to = this.#end(destination);
    if (!('pod' in from) && !('pod' in to)) {
      throw new RangeError('neither end is a pod of the cluster; NetworkPolicies say nothing about that');
    }
    const asked = askedFor(to, port, protocol);
    const egress = this.#decide('Egress', from, to);
    const ingress = this.#decide('Ingress', from, to);
    const connections = asked.intersect(egress.allows).intersect(ingress.allows);
    return { allowed: !connections.isEmpty, connections, egress, ingress };
  }

  /**
   * Everything that may pass, by workload, in a stable order. Lazy, because an open cluster of ten thousand
   * workloads has a hundred million lines.
   *
   * @param namespaces only lines with an end in one of these; default all.
   */
  *connections(namespaces?: readonly string[]): Generator<Connection> {
    const parties = new Parties(this.#cluster.pods, this.#policies);
    const reachability = new Reachability(parties, this.#policies, this.#labelsOf);
    const focus = namespaces?.reduce((sum, namespace) => sum.or(parties.inNamespace(namespace)), Bits.empty);
    const rowOf = (party: number) => {
      const { destinations } = reachability.row(party);
      const whole = focus === undefined || focus.has(party);
      return [...(whole ? destinations : destinations.within(focus))].map(({ connections, members }) => ({
        value: connections,
        members,
      }));
    };
    const values = {
      merge: (a: ConnectionSet, b: ConnectionSet) => a.union(b),
      key: ({ key }: ConnectionSet) => key,
    };
    for (const { source, destination, value } of expand(parties, rowOf, values)) {
      yield { source, destination, connections: value };
    }
  }

  #decide(direction: 'Ingress' | 'Egress', from: End, to: End): DirectionVerdict {
    return decide(direction, from, to, (namespace) => this.#byNamespace.get(namespace) ?? [], this.#labelsOf);
  }

  #end(ref: PodRef | AddressRef): End {
    if (!('ip' in ref)) {
      const pods = this.#cluster.pods.filter(({ namespace }) => namespace === ref.namespace);
      const pod =
        pods.find(({ name }) => name === ref.name) ?? pods.find((each) => workloadOf(each).name === ref.name);
      if (pod === undefined) throw new UnknownPodError(ref);
      return { pod };
    }
    const address = parseAddress(ref.ip);
    if (address === undefined) throw new RangeError(`${JSON.stringify(ref.ip)} is not an IP address`);
    const owner = this.#cluster.pods.find((pod) => hasAddress(pod, address));
    return owner === undefined ? { address } : { pod: owner };
  }
}

/** Pods on the host's network share the node's address, so the address does not tell which one is meant. */
function hasAddress(pod: Pod, address: bigint): boolean {
  return pod.hostNetwork !== true && (pod.ips ?? []).some((ip) => parseAddress(ip) === address);
}

function askedFor(to: End, port: number | string | undefined, protocol: Protocol | undefined): ConnectionSet {
  if (port === undefined) return protocol === undefined ? ConnectionSet.all : ConnectionSet.every(protocol);
  const wanted = protocol ?? 'TCP';
  if (typeof port === 'number') return ConnectionSet.ports(wanted, port);
  const named = 'pod' in to ? (to.pod.namedPorts ?? []) : [];
  return named
    .filter((each) => each.name === port && (each.protocol ?? 'TCP') === wanted)
    .reduce(
      (sum, { containerPort }) => sum.union(ConnectionSet.ports(wanted, containerPort)),
      ConnectionSet.none,
    );
}
