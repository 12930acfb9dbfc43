/** Names an object and one version of it. */
export interface StoreRecord {
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Up to so many records of a namespace lie in a plain array. */
const LARGEST_ARRAY = 8;

/**
 * Records by namespace, then by name. Most namespaces hold one or two objects of a kind, for which a Map each would
 * cost more memory than the records themselves: so few lie in an array, replaced rather than extended (V8 grows an
 * array that is pushed to by sixteen slots), and only many in a Map.
 */
export class RecordIndex<R extends StoreRecord> {
  readonly #byNamespace = new Map<string, readonly R[] | Map<string, R>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(namespace: string, name: string): R | undefined {
    const records = this.#byNamespace.get(namespace);
    if (records === undefined) return undefined;
    return records instanceof Map ? records.get(name) : records.find((record) => record.name === name);
  }

  /** The records of one namespace, in no particular order. */
  inNamespace(namespace: string): Iterable<R> {
    const records = this.#byNamespace.get(namespace);
    return records instanceof Map ? records.values() : (records ?? []);
  }

  /** The namespaces that hold a record. */
  namespaces(): Iterable<string> {
    return this.#byNamespace.keys();
  }

  *[Symbol.iterator](): Generator<R, void, undefined> {
    for (const records of this.#byNamespace.values()) yield* records.values();
  }

  set(record: R): void {
    const { namespace, name } = record;
    const records = this.#byNamespace.get(namespace);
    if (records === undefined) {
      this.#byNamespace.set(namespace, [record]);
      this.#size += 1;
    } else if (records instanceof Map) {
      this.#size += records.has(name) ? 0 : 1;
      records.set(name, record);
    } else {
      const others = records.filter((other) => other.name !== name);
      this.#size += 1 - (records.length - others.length);
      this.#byNamespace.set(namespace, bucketOf([...others, record]));
    }
  }

  delete(namespace: string, name: string): void {
    const records = this.#byNamespace.get(namespace);
    if (records === undefined) return;
    if (records instanceof Map) {
      if (!records.delete(name)) return;
      if (records.size === 0) this.#byNamespace.delete(namespace);
    } else {
      const others = records.filter((other) => other.name !== name);
      if (others.length === records.length) return;
      if (others.length === 0) this.#byNamespace.delete(namespace);
      else this.#byNamespace.set(namespace, bucketOf(others));
    }
    this.#size -= 1;
  }
}

function bucketOf<R extends StoreRecord>(records: readonly R[]): readonly R[] | Map<string, R> {
  if (records.length > LARGEST_ARRAY) return new Map(records.map((record) => [record.name, record]));
  // A spread or filtered array may have spare room; a slice has none.
  return records.slice();
}
