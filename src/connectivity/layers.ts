import type { Bits } from './bits.ts';
import { ConnectionSet } from './connection-set.ts';

interface Layer {
  readonly connections: ConnectionSet;
  readonly members: Bits;
}

/**
 * A map from party to connections, stored the other way round: for each distinct set of connections, the
 * parties that have it. There are few distinct sets and many parties, so that whole rows of the
 * connectivity matrix combine in a handful of word operations. Parties in no layer have no connections.
 */
export class Layers implements Iterable<Layer> {
  readonly #layers: Map<string, Layer>;

  private constructor(layers: Map<string, Layer>) {
    this.#layers = layers;
  }

  static readonly empty = new Layers(new Map());

  static of(connections: ConnectionSet, members: Bits): Layers {
    const layers = new Map<string, Layer>();
    put(layers, connections, members);
    return new Layers(layers);
  }

  [Symbol.iterator](): Iterator<Layer> {
    return this.#layers.values();
  }

  get isEmpty(): boolean {
    return this.#layers.size === 0;
  }

  get(member: number): ConnectionSet {
    for (const layer of this) if (layer.members.has(member)) return layer.connections;
    return ConnectionSet.none;
  }

  /** The connections of every member, added to what it has. */
  add(connections: ConnectionSet, members: Bits): Layers {
    const result = new Map<string, Layer>();
    let fresh = members;
    for (const layer of this) {
      const both = layer.members.and(fresh);
      if (both.isEmpty) {
        put(result, layer.connections, layer.members);
        continue;
      }
      put(result, layer.connections, layer.members.andNot(both));
      put(result, layer.connections.union(connections), both);
      fresh = fresh.andNot(both);
    }
    put(result, connections, fresh);
    return new Layers(result);
  }

  /** What both have. */
  intersect(other: Layers): Layers {
    const result = new Map<string, Layer>();
    for (const a of this) {
      for (const b of other) put(result, a.connections.intersect(b.connections), a.members.and(b.members));
    }
    return new Layers(result);
  }

  /** What this has and the other has not. */
  subtract(other: Layers): Layers {
    const result = new Map<string, Layer>();
    for (const a of this) {
      let rest = a.members;
      for (const b of other) {
        const both = rest.and(b.members);
        if (both.isEmpty) continue;
        put(result, a.connections.subtract(b.connections), both);
        rest = rest.andNot(both);
      }
      put(result, a.connections, rest);
    }
    return new Layers(result);
  }

  /** Only the given parties. */
  within(members: Bits): Layers {
    return this.intersect(Layers.of(ConnectionSet.all, members));
  }
}

function put(layers: Map<string, Layer>, connections: ConnectionSet, members: Bits): void {
  if (connections.isEmpty || members.isEmpty) return;
  const existing = layers.get(connections.key);
  layers.set(connections.key, {
    connections,
    members: existing === undefined ? members : existing.members.or(members),
  });
}
