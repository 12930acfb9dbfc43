/**
 * A map that keeps each value for just as long as somebody else holds it. It shares what recurs without a bound that
 * could be too small, and without a leak of what nobody has any more.
 */
export class WeakValues<K, V extends WeakKey> {
  readonly #values = new Map<K, WeakRef<V>>();
  readonly #gone = new FinalizationRegistry<K>((key) => {
    // Another value may have come under the key since.
    if (this.get(key) === undefined) this.#values.delete(key);
  });

  /** Keys held; those of values that are gone are dropped some time after. */
  get size(): number {
    return this.#values.size;
  }

  /** The value, or undefined where there is none, or nobody holds it any more. */
  get(key: K): V | undefined {
    return this.#values.get(key)?.deref();
  }

  set(key: K, value: V): void {
    this.#values.set(key, new WeakRef(value));
    this.#gone.register(value, key);
  }
}
