import { AddressSpace } from './address-space.ts';
import { Bits } from './bits.ts';
import { type Intervals, intervalSet } from './intervals.ts';
import { parseAddress } from './ip.ts';
import { selectorKeys } from './label-selector.ts';
import { type Labels, type NamedPort, type Pod, type WorkloadName, workloadOf } from './model.ts';
import type { NormalPolicy, Peer, Rule } from './policy.ts';

/** Pods of one workload that no policy tells apart. Most workloads are one unit. */
export interface Unit {
  readonly index: number;
  readonly namespace: string;
  readonly workload: WorkloadName;
  /** Only the labels that policies look at; equal texts for equal labels. */
  readonly labels: Labels;
  readonly labelsKey: string;
  readonly namedPorts: readonly NamedPort[];
  /** Parts of the address space that the pods' addresses are in. */
  readonly addressParts: readonly number[];
  readonly hostNetwork: boolean;
  /** Whether the unit is a single pod, whose traffic to itself is not a connection. */
  readonly single: boolean;
}

/**
 * Everyone who can be an end of a connection, numbered: the units, namespace by namespace, then the parts of
 * the address space, which stand for what is outside of the cluster.
 */
export class Parties {
  readonly units: readonly Unit[];
  readonly addresses: AddressSpace;
  /** Every unit that policies apply to and select as a pod: all but those on the host's network. */
  readonly pods: Bits;
  readonly inCluster: Bits;
  readonly all: Bits;
  /** Whether some pod has an IPv6 address. */
  readonly ipv6: boolean;
  /** The units that have an address in each part of the address space; parts without any are left out. */
  readonly unitsByPart: ReadonlyMap<number, readonly number[]>;
  readonly #byNamespace = new Map<string, Bits>();

  /** The policies are all that will be asked about, before and after a change alike. */
  constructor(pods: readonly Pod[], policies: readonly NormalPolicy[]) {
    const peers = policies.flatMap(allRules).flatMap((rule) => rule.peers ?? []);
    this.addresses = new AddressSpace(
      peers.flatMap((peer) => (peer.type === 'addresses' ? [peer.block] : [])),
    );
    this.units = toUnits(pods, this.addresses, labelKeysOf(policies, peers), portNamesOf(policies));
    this.inCluster = Bits.range(0, this.units.length);
    this.all = Bits.range(0, this.units.length + this.addresses.size);
    this.pods = Bits.of(this.units.filter(({ hostNetwork }) => !hostNetwork).map(({ index }) => index));
    const located = this.units.flatMap(({ index, addressParts }) =>
      addressParts.map((part) => [part, index] as const),
    );
    this.ipv6 = located.some(([part]) => this.addresses.isIPv6(part));
    this.unitsByPart = new Map(
      [...Map.groupBy(located, ([part]) => part)].map(([part, pairs]) => [
        part,
        pairs.map(([, index]) => index),
      ]),
    );
    for (const [namespace, units] of Map.groupBy(this.units, (unit) => unit.namespace)) {
      this.#byNamespace.set(namespace, Bits.of(units.map(({ index }) => index)));
    }
  }

  get namespaces(): IterableIterator<string> {
    return this.#byNamespace.keys();
  }

  /** The units of a namespace. */
  inNamespace(namespace: string): Bits {
    return this.#byNamespace.get(namespace) ?? Bits.empty;
  }

  /** The party that stands for a part of the address space. */
  partyOf(part: number): number {
    return this.units.length + part;
  }

  /** The part of the address space that a party stands for; undefined for a unit. */
  partOf(party: number): number | undefined {
    return party < this.units.length ? undefined : party - this.units.length;
  }

  /** Parts of the address space as ranges, neighbours joined. */
  rangesOf(parts: readonly number[]): Intervals<bigint> {
    return intervalSet(parts.flatMap((part) => [...this.addresses.addressesOf(part)]));
  }

  unit(index: number): Unit {
    const unit = this.units[index];
    if (unit === undefined) throw new RangeError(`there is no unit ${index}`);
    return unit;
  }
}

function allRules(policy: NormalPolicy): Rule[] {
  return [...(policy.rules.Ingress ?? []), ...(policy.rules.Egress ?? [])];
}

/** Labels that no selector looks at (a template hash, a pod's own name) must not split a workload. */
function labelKeysOf(policies: readonly NormalPolicy[], peers: readonly Peer[]): ReadonlySet<string> {
  return new Set([
    ...policies.flatMap(({ podSelector }) => selectorKeys(podSelector)),
    ...peers.flatMap((peer) => (peer.type === 'pods' ? selectorKeys(peer.pods) : [])),
  ]);
}

function portNamesOf(policies: readonly NormalPolicy[]): ReadonlySet<string> {
  return new Set(policies.flatMap(allRules).flatMap(({ ports }) => ports.named.map(({ name }) => name)));
}

function toUnits(
  pods: readonly Pod[],
  addresses: AddressSpace,
  labelKeys: ReadonlySet<string>,
  portNames: ReadonlySet<string>,
): Unit[] {
  const drafts = pods.map((pod) => {
    const hostNetwork = pod.hostNetwork ?? false;
    const labels = Object.entries(pod.labels ?? {}).filter(([key]) => labelKeys.has(key));
    const namedPorts = (pod.namedPorts ?? []).filter(({ name }) => portNames.has(name));
    const parts = (pod.ips ?? []).flatMap((ip) => {
      const address = parseAddress(ip);
      return address === undefined ? [] : [addresses.partOf(address)];
    });
    const addressParts = [...new Set(parts)].sort((a, b) => a - b);
    const labelsKey = JSON.stringify(labels.sort());
    const ports = namedPorts.map(({ name, containerPort, protocol }) => [name, containerPort, protocol]);
    const workload = workloadOf(pod);
    const key = JSON.stringify([
      pod.namespace,
      workload.name,
      workload.kind,
      labelsKey,
      ports,
      addressParts,
      hostNetwork,
    ]);
    const pick = Object.fromEntries(labels);
    return { key, pod, workload, labels: pick, labelsKey, namedPorts, addressParts, hostNetwork };
  });
  const groups = [...Map.groupBy(drafts, ({ key }) => key)].sort(([a], [b]) => (a < b ? -1 : 1));
  return groups.flatMap(([, [first, ...rest]], index) => {
    if (first === undefined) return [];
    const { pod, key: _, ...unit } = first;
    const count = [first, ...rest].reduce((sum, draft) => sum + (draft.pod.replicas ?? 1), 0);
    return [{ ...unit, index, namespace: pod.namespace, single: count <= 1 }];
  });
}
