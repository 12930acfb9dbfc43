import { matchesSelector } from '../api/label-selector.ts';
import { Bits } from './bits.ts';
import { ConnectionSet } from './connection-set.ts';
import { selectorKey } from './label-selector.ts';
import { type Layer, Layers } from './layers.ts';
import type { LabelSelector, Labels } from './model.ts';
import type { Parties, Unit } from './parties.ts';
import { type NormalPolicy, type Peer, type Rule, type RulePorts, resolvePorts } from './policy.ts';

/** An ingress rule, with the pods of every policy that has the same one. */
interface IngressEntry {
  readonly id: number;
  readonly sources: Bits;
  readonly ports: RulePorts;
  destinations: Bits;
}

/** One source's row of the matrix; equal `key`s mean equal rows. */
export interface Row {
  readonly key: string;
  readonly destinations: Layers;
}

/**
 * The connectivity matrix of one set of policies, computed row by row on demand: what a source may send
 * (egress rules of the policies that select it) intersected with what each destination accepts from it.
 * Rows are shared by sources that no policy tells apart.
 */
export class Reachability {
  readonly #parties: Parties;
  readonly #labelsOf: (namespace: string) => Labels;
  /** By identity: a folder of manifests may hold two policies of one name. */
  readonly #ids: ReadonlyMap<NormalPolicy, number>;
  readonly #egressPolicies: readonly NormalPolicy[][];
  readonly #openIngress: Bits;
  readonly #ingress: readonly IngressEntry[];
  readonly #selections = new Map<string, Map<string, boolean>>();
  readonly #namespacePeers = new Map<string, Bits>();
  readonly #peers = new Map<string, Bits>();
  readonly #sent = new Map<string, Layers>();
  readonly #accepted = new Map<string, Layers>();
  readonly #rows = new Map<string, Row>();

  constructor(parties: Parties, policies: readonly NormalPolicy[], labelsOf: (namespace: string) => Labels) {
    this.#parties = parties;
    this.#labelsOf = labelsOf;
    this.#ids = new Map(policies.map((policy, id) => [policy, id]));
    const egressPolicies: NormalPolicy[][] = parties.units.map(() => []);
    const ingress = new Map<string, IngressEntry>();
    let isolated = Bits.empty;
    for (const policy of policies) {
      const selected = this.#select(policy.podSelector, parties.inNamespace(policy.namespace));
      if (policy.rules.Egress) for (const index of selected) egressPolicies[index]?.push(policy);
      if (policy.rules.Ingress === undefined) continue;
      isolated = isolated.or(selected);
      for (const rule of policy.rules.Ingress) {
        const peers = rule.peers?.map((peer) => peer.key).join(', ') ?? 'anyone';
        const key = `${peers} | ${rule.ports.key}`;
        const entry = remembered(ingress, key, () => ({
          id: ingress.size,
          sources: this.#peersOf(rule, policy),
          ports: rule.ports,
          destinations: Bits.empty,
        }));
        entry.destinations = entry.destinations.or(selected);
      }
    }
    this.#egressPolicies = egressPolicies;
    this.#openIngress = parties.all.andNot(isolated);
    this.#ingress = [...ingress.values()];
  }

  /** What the party may reach. Between two addresses outside of the cluster nothing is said. */
  row(party: number): Row {
    const outside = this.#parties.partOf(party) !== undefined;
    const policies = this.#egressPolicies[party] ?? [];
    const accepting = this.#ingress.filter(({ sources }) => sources.has(party));
    const egressKey = outside ? 'outside' : policies.map((policy) => this.#ids.get(policy)).join();
    const ingressKey = accepting.map(({ id }) => id).join();
    return remembered(this.#rows, `${egressKey} | ${ingressKey}`, () => {
      const sent = outside
        ? Layers.of(ConnectionSet.all, this.#parties.inCluster)
        : remembered(this.#sent, egressKey, () => this.#sentUnder(policies));
      const accepted = remembered(this.#accepted, ingressKey, () => this.#acceptedBy(accepting));
      return { key: `${egressKey} | ${ingressKey}`, destinations: sent.intersect(accepted) };
    });
  }

  #sentUnder(policies: readonly NormalPolicy[]): Layers {
    if (policies.length === 0) return Layers.of(ConnectionSet.all, this.#parties.all);
    return Layers.sum(
      policies.flatMap((policy) =>
        (policy.rules.Egress ?? []).flatMap((rule) =>
          this.#resolved(rule.ports, this.#peersOf(rule, policy)),
        ),
      ),
    );
  }

  #acceptedBy(entries: readonly IngressEntry[]): Layers {
    return Layers.sum([
      { connections: ConnectionSet.all, members: this.#openIngress },
      ...entries.flatMap(({ ports, destinations }) => this.#resolved(ports, destinations)),
    ]);
  }

  /** Ports given by name differ from destination to destination. */
  #resolved(ports: RulePorts, destinations: Bits): Layer[] {
    if (ports.named.length === 0) return [{ connections: ports.numbered, members: destinations }];
    const resolved = new Map<string, { connections: ConnectionSet; members: number[] }>();
    for (const party of destinations) {
      const namedPorts =
        this.#parties.partOf(party) === undefined ? this.#parties.unit(party).namedPorts : [];
      const connections = resolvePorts(ports, namedPorts);
      const group = resolved.get(connections.key) ?? { connections, members: [] };
      group.members.push(party);
      resolved.set(connections.key, group);
    }
    return [...resolved.values()].map(({ connections, members }) => ({
      connections,
      members: Bits.of(members),
    }));
  }

  #peersOf(rule: Rule, policy: NormalPolicy): Bits {
    if (rule.peers === undefined) return this.#parties.all;
    return rule.peers.reduce(
      (sum, peer) => sum.or(remembered(this.#peers, peer.key, () => this.#matching(peer, policy.namespace))),
      Bits.empty,
    );
  }

  #matching(peer: Peer, ownNamespace: string): Bits {
    if (peer.type === 'pods') {
      const { namespaces, pods } = peer;
      const candidates =
        namespaces === undefined ? this.#parties.inNamespace(ownNamespace) : this.#inNamespaces(namespaces);
      return this.#select(pods, candidates);
    }
    const parts = this.#parties.addresses.partsOf(peer.block);
    const units = [...this.#parties.unitsByPart].flatMap(([part, indexes]) =>
      parts.has(part) ? indexes : [],
    );
    return Bits.of([...units, ...[...parts].map((part) => this.#parties.partyOf(part))]);
  }

  #inNamespaces(selector: LabelSelector): Bits {
    return remembered(this.#namespacePeers, selectorKey(selector), () => {
      const units: number[] = [];
      for (const namespace of this.#parties.namespaces) {
        if (matchesSelector(selector, this.#labelsOf(namespace)))
          units.push(...this.#parties.inNamespace(namespace));
      }
      return Bits.of(units);
    });
  }

  /** The candidates that the pod selector matches; pods on the host's network are never matched as pods. */
  #select(selector: LabelSelector, candidates: Bits): Bits {
    const key = selectorKey(selector);
    const pods = candidates.and(this.#parties.pods);
    if (key === '') return pods;
    const known = remembered(this.#selections, key, () => new Map<string, boolean>());
    const matches = ({ labels, labelsKey }: Unit) =>
      remembered(known, labelsKey, () => matchesSelector(selector, labels));
    return Bits.of([...pods].filter((index) => matches(this.#parties.unit(index))));
  }
}

function remembered<V>(memory: Map<string, V>, key: string, compute: () => V): V {
  const known = memory.get(key);
  if (known !== undefined) return known;
  const value = compute();
  memory.set(key, value);
  return value;
}
