import { Bits } from './bits.ts';
import { ConnectionSet } from './connection-set.ts';

/** Parties that have the same connections. */
export interface Layer {
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

  static of(connections: ConnectionSet, members: Bits): Layers {
    const layers = new Map<string, Layer>();
    put(layers, connections, members);
    return new Layers(layers);
  }

  [Symbol.iterator](): Iterator<Layer> {
    return this.#layers.values();
  }

  /** All of the given connections; where a party is in several, they add up. */
  static sum(parts: Iterable<Layer>): Layers {
    const layers = new Map<string, Layer>();
    let covered = Bits.empty;
    for (const { connections, members } of parts) {
      let fresh = members;
      // Most rules reach parties that no rule before reached; only the others cost a look at every layer.
      if (!covered.and(members).isEmpty) {
        for (const layer of [...layers.values()]) {
          const both = layer.members.and(fresh);
          if (both.isEmpty) continue;
          take(layers, layer, both);
          put(layers, layer.connections.union(connections), both);
          fresh = fresh.andNot(both);
        }
      }
      put(layers, connections, fresh);
      covered = covered.or(members);
    }
    return new Layers(layers);
  }

  /** The parties that have exactly these connections. */
  having({ key }: ConnectionSet): Bits {
    return this.#layers.get(key)?.members ?? Bits.empty;
  }

  /** What both have. */
  intersect(other: Layers): Layers {
    const result = new Map<string, Layer>();
    for (const a of this) {
      for (const b of other) put(result, a.connections.intersect(b.connections), a.members.and(b.members));
    }
    return new Layers(result);
  }

  /** Only the given parties. */
  within(members: Bits): Layers {
    return this.intersect(Layers.of(ConnectionSet.all, members));
  }
}

function take(layers: Map<string, Layer>, { connections }: Layer, members: Bits): void {
  const layer = layers.get(connections.key);
  if (layer === undefined) return;
  const rest = layer.members.andNot(members);
  if (rest.isEmpty) layers.delete(connections.key);
  else layers.set(connections.key, { connections, members: rest });
}

function put(layers: Map<string, Layer>, connections: ConnectionSet, members: Bits): void {
  if (connections.isEmpty || members.isEmpty) return;
  const existing = layers.get(connections.key);
  layers.set(connections.key, {
    connections,
    members: existing === undefined ? members : existing.members.or(members),
  });
}
