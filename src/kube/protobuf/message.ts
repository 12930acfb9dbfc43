/**
 * Reads protobuf messages as Kubernetes writes them into the objects that its JSON would give: a message is described once, field by
 * field, as in the API's own generated.proto. A field that is not described is an error and never left out: it may be
 * what makes an object harmless or harmful.
 * Sources: https://protobuf.dev/programming-guides/encoding/ and k8s.io/api, generated.proto of each group
 */
import type { PbfReader } from 'pbf';
import { EqualBytes } from './equal-bytes.ts';

/** Source: https://protobuf.dev/programming-guides/encoding/#structure */
const wireTypes = { varint: 0, delimited: 2 } as const;

/** How a field's value is read. */
export interface FieldType {
  readonly wire: keyof typeof wireTypes;
  /**
   * Reads one value, from the reader's position on.
   * @param end where it ends, for what is delimited
   */
  readonly read: (reader: PbfReader, end: number) => unknown;
  /** A value that JSON leaves out, since Go cannot tell it from none. */
  readonly empty?: unknown;
  /** Comes several times. Default: once. */
  readonly repeated?: 'list' | 'map';
}

/** A type whose values are objects. */
export interface MessageType extends FieldType {
  readonly wire: 'delimited';
  /** As in generated.proto; for an object, its kind. */
  readonly name: string;
  readonly read: (reader: PbfReader, end: number) => Readonly<Record<string, unknown>>;
}

/** Bytes that are no message, or not the one that they should be. */
export class MalformedMessageError extends Error {
  override readonly name = 'MalformedMessageError';
}

/** The server knows more than is described here: its API is newer. */
export class UnknownFieldError extends Error {
  override readonly name = 'UnknownFieldError';
}

/** By field number, the name in JSON and the type. */
type Fields = Readonly<Record<number, readonly [name: string, type: FieldType]>>;

/** @param name as in generated.proto */
export function message(name: string, fields: Fields): MessageType {
  // An array, since field numbers are small: an object's keys would be looked up as text.
  const byNumber: (Fields[number] | undefined)[] = [];
  for (const [number, field] of Object.entries(fields)) byNumber[Number(number)] = field;

  function read(reader: PbfReader, end: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (let number = reader.nextField(end); number !== 0; number = reader.nextField(end)) {
      const field = byNumber[number];
      if (field === undefined)
        throw new UnknownFieldError(`${name} has a field ${number}, which is not known here`);
      const [key, type] = field;
      if (reader.type !== wireTypes[type.wire])
        throw new MalformedMessageError(`${name}.${key} is of wire type ${reader.type}`);
      if (type.repeated === 'map') readEntry(reader, endOf(reader, end), type, mapOf(result, key));
      else {
        const value = readValue(reader, end, type);
        if (type.repeated === 'list') listOf(result, key).push(value);
        else if (value !== type.empty) result[key] = value;
      }
    }
    if (reader.pos !== end) throw new MalformedMessageError(`${name} does not end where it should`);
    return result;
  }
  return { wire: 'delimited', name, read };
}

function readValue(reader: PbfReader, end: number, type: FieldType): unknown {
  return type.read(reader, type.wire === 'delimited' ? endOf(reader, end) : end);
}

/** Where the delimited value ends that begins here. */
function endOf(reader: PbfReader, outerEnd: number): number {
  const end = reader.readVarint() + reader.pos;
  if (end > outerEnd) throw new MalformedMessageError('a value is longer than what it is in');
  return end;
}

function readEntry(reader: PbfReader, end: number, type: FieldType, into: Record<string, unknown>): void {
  let key = '';
  let value: unknown = '';
  for (let number = reader.nextField(end); number !== 0; number = reader.nextField(end)) {
    if (number > 2 || reader.type !== wireTypes.delimited)
      throw new MalformedMessageError(`a map's entry has a field ${number} of wire type ${reader.type}`);
    const valueEnd = endOf(reader, end);
    if (number === 1) key = text.read(reader, valueEnd) as string;
    else value = type.read(reader, valueEnd);
  }
  into[key] = value;
}

function mapOf(result: Record<string, unknown>, key: string): Record<string, unknown> {
  const map = (result[key] ?? {}) as Record<string, unknown>;
  result[key] = map;
  return map;
}

function listOf(result: Record<string, unknown>, key: string): unknown[] {
  const list = (result[key] ?? []) as unknown[];
  result[key] = list;
  return list;
}

/** Text; what is not UTF-8 in it is replaced, as in JSON. */
export const text: FieldType = {
  wire: 'delimited',
  read: (reader, end) => {
    const start = reader.pos;
    reader.pos = end;
    return bytesOf(reader).toString('utf8', start, end);
  },
  empty: '',
};

/** A whole number; 0 is none. */
export const integer: FieldType = { wire: 'varint', read: (reader) => reader.readVarint(true), empty: 0 };

/** A whole number that may be 0. */
export const optionalInteger: FieldType = { wire: 'varint', read: (reader) => reader.readVarint(true) };

/** A truth value that may be false. */
export const optionalBoolean: FieldType = { wire: 'varint', read: (reader) => reader.readVarint() !== 0 };

/** What nothing here depends on; left out. */
export const ignored: FieldType = {
  wire: 'delimited',
  read: (reader, end) => {
    reader.pos = end;
    return undefined;
  },
};

/** A message that JSON has as something simpler. */
export function as(
  type: MessageType,
  simpler: (value: Readonly<Record<string, unknown>>) => unknown,
): FieldType {
  return { wire: type.wire, read: (reader, end) => simpler(type.read(reader, end)) };
}

/** Several values of a type. */
export function list(type: FieldType): FieldType {
  return { ...type, repeated: 'list' };
}

/** Values of a type by text. */
export function map(type: FieldType): FieldType {
  return { ...type, repeated: 'map' };
}

/** A type of which many values are alike: equal ones are read once, and are one object. */
export function readOnce<T extends FieldType>(type: T): T {
  const known = new EqualBytes<unknown>();
  return {
    ...type,
    read: (reader: PbfReader, end: number) => {
      const value = known.of(bytesOf(reader), reader.pos, end, () => type.read(reader, end));
      reader.pos = end;
      return value;
    },
  };
}

/** {@link readOnce}, and frozen throughout. In a fleet that is most of what is read. */
export function shared(type: MessageType): MessageType {
  return readOnce({ ...type, read: (reader: PbfReader, end: number) => frozen(type.read(reader, end)) });
}

/** The bytes that a reader reads, which the decoder gave it as a Buffer. */
function bytesOf(reader: PbfReader): Buffer {
  return reader.buf as Buffer;
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) frozen(part);
    Object.freeze(value);
  }
  return value;
}
