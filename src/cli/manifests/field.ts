import type { FieldPath } from './source-location.ts';

/**
 * A part of an object, or of what is not there: reading on from a missing or ill-typed part gives missing parts, so
 * that rules need not check each step, and can say where they are.
 */
export class Field {
  readonly value: unknown;
  readonly path: FieldPath;

  constructor(value: unknown, path: FieldPath = []) {
    this.value = value;
    this.path = path;
  }

  /** The part under these keys. Own properties only, so that a key such as `constructor` is nothing special. */
  at(...keys: readonly string[]): Field {
    return keys.reduce<Field>(
      (field, key) =>
        new Field(isMap(field.value) && Object.hasOwn(field.value, key) ? field.value[key] : undefined, [
          ...field.path,
          key,
        ]),
      this,
    );
  }

  /** The items of a list; of anything else, none. */
  get items(): readonly Field[] {
    if (!Array.isArray(this.value)) return [];
    return this.value.map((item: unknown, i) => new Field(item, [...this.path, i]));
  }

  /** The keys of a map with what is under them; of anything else, none. */
  get entries(): readonly (readonly [string, Field])[] {
    if (!isMap(this.value)) return [];
    return Object.entries(this.value).map(([key, value]) => [key, new Field(value, [...this.path, key])]);
  }

  /** Whether it is there; null is not, as in the API server. */
  get exists(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  get text(): string | undefined {
    return typeof this.value === 'string' ? this.value : undefined;
  }

  get number(): number | undefined {
    return typeof this.value === 'number' ? this.value : undefined;
  }

  get flag(): boolean | undefined {
    return typeof this.value === 'boolean' ? this.value : undefined;
  }

  /** A text or a number: quantities and ports are written as either. */
  get scalar(): string | number | undefined {
    return this.text ?? this.number;
  }
}

/** Whether the value is a map, as opposed to a list or a scalar. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
