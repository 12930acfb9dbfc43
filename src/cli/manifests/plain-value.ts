/**
 * YAML nodes to plain values, with the place of each. In place of the library's own conversion because that expands
 * aliases without end where they are cyclic, compares keys pair by pair, and forgets where a value came from.
 */
import { type Document, isAlias, isMap, isPair, isScalar, isSeq, type Node } from 'yaml';
import type { ManifestLimits } from './limits.ts';
import type { FieldPath } from './source-location.ts';

/** Something in a document that keeps it from being a value. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
  /** In characters from the start of the text. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** A value, and where its parts are written. */
export interface PlainValue {
  readonly value: unknown;
  /** The offset of a part; of one that is not there, that of the nearest part around it. */
  offsetOf(path: FieldPath): number;
}

/** Offsets of the parts of a map or list, by key or place. */
type PartOffsets = ReadonlyMap<string | number, number>;

interface Anchor {
  readonly value: unknown;
  /** How many values it holds, itself included. */
  readonly size: number;
}

/**
 * The document's content as a plain value: maps, lists, strings, numbers, booleans and null, where values behind one
 * alias are one and the same.
 *
 * @throws {ValueError} for cyclic, unknown or too many aliases, keys that are no text or come twice, and too deep nesting
 */
export function plainValue(document: Document.Parsed, limits: ManifestLimits): PlainValue {
  const converter = new Converter(limits);
  const start = document.contents?.range[0] ?? 0;
  const value = converter.convert(document.contents, 0);
  return {
    value,
    offsetOf(path) {
      let offset = start;
      let current: unknown = value;
      for (const step of path) {
        if (typeof current !== 'object' || current === null) break;
        const found = converter.offsets.get(current)?.get(step);
        if (found === undefined) break;
        offset = found;
        current = (current as Record<string | number, unknown>)[step];
      }
      return offset;
    },
  };
}

class Converter {
  readonly offsets = new Map<object, PartOffsets>();
  readonly #limits: ManifestLimits;
  /** By name, in document order: an alias means the last one before it. Undefined while it is being converted. */
  readonly #anchors = new Map<string, Anchor | undefined>();
  #converted = 0;
  #aliased = 0;

  constructor(limits: ManifestLimits) {
    this.#limits = limits;
  }

  convert(node: Node | null, depth: number): unknown {
    if (node === null) return null;
    if (isAlias(node)) return this.#resolve(node.source, offsetOf(node));
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor === undefined) return this.#convertContent(node, depth);
    const before = this.#converted + this.#aliased;
    this.#anchors.set(anchor, undefined);
    const value = this.#convertContent(node, depth);
    this.#anchors.set(anchor, { value, size: this.#converted + this.#aliased - before });
    return value;
  }

  #convertContent(node: Node, depth: number): unknown {
    this.#converted++;
    if (depth > this.#limits.depth) {
      throw new ValueError(`is nested deeper than ${this.#limits.depth} levels`, offsetOf(node));
    }
    if (isScalar(node)) return node.value;
    if (isSeq<Node>(node)) {
      const list = node.items.map((item) => this.convert(item, depth + 1));
      this.offsets.set(list, new Map(node.items.map((item, i) => [i, offsetOf(item)])));
      return list;
    }
    if (!isMap<Node, Node | null>(node)) throw new ValueError('is not a YAML value', offsetOf(node));
    return this.#convertMap(node.items, depth);
  }

  #convertMap(items: readonly { readonly key: Node; readonly value: Node | null }[], depth: number): unknown {
    const values = new Map<string, unknown>();
    const places = new Map<string | number, number>();
    const merged: unknown[] = [];
    for (const { key: keyNode, value: valueNode } of items.filter(isPair<Node, Node | null>)) {
      const offset = offsetOf(keyNode);
      if (!isScalar(keyNode)) throw new ValueError('a key must be a text', offset);
      const value = this.convert(valueNode, depth + 1);
      if (keyNode.source === '<<' && keyNode.type === 'PLAIN') {
        merged.push(...(Array.isArray(value) ? value : [value]));
        continue;
      }
      const key = String(keyNode.value);
      if (values.has(key)) throw new ValueError(`the key ${JSON.stringify(key)} comes twice`, offset);
      values.set(key, value);
      places.set(key, offset);
    }
    for (const source of merged) this.#merge(source, values, places);
    // fromEntries makes a key such as __proto__ a property like any other.
    const map = Object.fromEntries(values);
    this.offsets.set(map, places);
    return map;
  }

  /** YAML 1.1's merge key: what the map says itself comes first, then the first source. */
  #merge(source: unknown, values: Map<string, unknown>, places: Map<string | number, number>): void {
    if (typeof source !== 'object' || source === null) return;
    for (const [key, value] of Object.entries(source)) {
      if (values.has(key)) continue;
      this.#countAliased(1, 0);
      values.set(key, value);
      const place = this.offsets.get(source)?.get(key);
      if (place !== undefined) places.set(key, place);
    }
  }

  #resolve(name: string, offset: number): unknown {
    if (!this.#anchors.has(name)) throw new ValueError(`the alias *${name} has no anchor before it`, offset);
    const anchor = this.#anchors.get(name);
    if (anchor === undefined) throw new ValueError(`the alias *${name} stands within its own anchor`, offset);
    this.#countAliased(anchor.size, offset);
    return anchor.value;
  }

  #countAliased(size: number, offset: number): void {
    this.#aliased += size;
    if (this.#aliased > this.#limits.aliasedValues) {
      throw new ValueError(
        `its aliases expand to more than ${this.#limits.aliasedValues.toLocaleString('en')} values`,
        offset,
      );
    }
  }
}

function offsetOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}
