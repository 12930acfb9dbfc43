import { PbfReader } from 'pbf';
import { describe, expect, test } from 'vitest';
import { EqualBytes } from '../../../../src/kube/protobuf/equal-bytes.ts';
import {
  ignored,
  integer,
  list,
  MalformedMessageError,
  type MessageType,
  map,
  message,
  optionalBoolean,
  optionalInteger,
  shared,
  text,
  UnknownFieldError,
} from '../../../../src/kube/protobuf/message.ts';
import { encode } from './encode.ts';

function read(type: MessageType, bytes: Uint8Array): unknown {
  return type.read(new PbfReader(Buffer.from(bytes)), bytes.length);
}

const inner = message('Inner', { 1: ['name', text], 2: ['size', integer] });
const thing = message('Thing', {
  1: ['name', text],
  2: ['count', integer],
  3: ['exact', optionalInteger],
  4: ['on', optionalBoolean],
  5: ['names', list(text)],
  6: ['labels', map(text)],
  7: ['inner', inner],
  8: ['all', list(inner)],
  9: ['skipped', ignored],
  10: ['common', shared(inner)],
});

describe('a message', () => {
  test('is read as the JSON would be', () => {
    const bytes = encode(
      [1, 'grün 🌳'],
      [2, 300],
      [3, 70_000_000_000],
      [4, true],
      [5, 'a'],
      [5, ''],
      [6, encode([1, 'key'], [2, 'value'])],
      [6, encode([1, 'empty'], [2, ''])],
      [7, encode([1, 'x'], [2, 1])],
      [8, encode()],
      [8, encode([1, 'y'])],
      [9, encode([1, 'whatever'])],
    );
    expect(read(thing, bytes)).toEqual({
      name: 'grün 🌳',
      count: 300,
      exact: 70_000_000_000,
      on: true,
      names: ['a', ''],
      labels: { key: 'value', empty: '' },
      inner: { name: 'x', size: 1 },
      all: [{}, { name: 'y' }],
    });
  });

  test('leaves out what JSON leaves out, and not what may well be empty', () => {
    const bytes = encode([1, ''], [2, 0], [3, 0], [4, false], [7, encode([1, ''])]);
    expect(read(thing, bytes)).toEqual({ exact: 0, on: false, inner: {} });
  });

  test.each([
    ['Thing has a field 11, which is not known here', encode([1, 'a'], [11, 'new'])],
    ['Inner has a field 3, which is not known here', encode([7, encode([3, 1])])],
    ['Inner has a field 3, which is not known here', encode([10, encode([3, 1])])],
  ])('is refused: %s', (reason, bytes) => {
    expect(() => read(thing, bytes)).toThrow(new UnknownFieldError(reason));
  });

  test.each([
    ['of another type', 'Thing.name is of wire type 0', encode([1, 7])],
    ['of another type', 'Thing.count is of wire type 2', encode([2, 'seven'])],
    ['cut short', 'a value is longer than what it is in', encode([1, 'name']).subarray(0, 4)],
    [
      'longer than what it is in',
      'a value is longer than what it is in',
      encode([7, Uint8Array.of(0x0a, 0x05, 0x61)], [5, 'abcdef']),
    ],
    [
      'a map with more than keys and values',
      "a map's entry has a field 3 of wire type 2",
      encode([6, encode([1, 'a'], [2, 'b'], [3, 'c'])]),
    ],
    ['a map of numbers', "a map's entry has a field 2 of wire type 0", encode([6, encode([1, 'a'], [2, 7])])],
    [
      'with a number that goes on past its end',
      'Inner does not end where it should',
      encode([7, Uint8Array.of(0x10, 0x80)], [1, 'a']),
    ],
  ])('%s is malformed: %s', (_what, reason, bytes) => {
    expect(() => read(thing, bytes)).toThrow(new MalformedMessageError(reason));
  });
});

describe('a shared message', () => {
  const common = (bytes: Uint8Array): unknown =>
    (read(thing, encode([10, bytes], [1, 'after'])) as { common: unknown }).common;

  test('is one object for equal bytes, which nobody can change', () => {
    const first = common(encode([1, 'a'], [2, 1]));
    expect(first).toEqual({ name: 'a', size: 1 });
    expect(common(encode([1, 'a'], [2, 1]))).toBe(first);
    expect(Object.isFrozen(first)).toBe(true);
  });

  test('is another for other bytes', () => {
    expect(common(encode([1, 'b'], [2, 1]))).toEqual({ name: 'b', size: 1 });
    expect(common(encode([1, 'a'], [2, 2]))).toEqual({ name: 'a', size: 2 });
  });

  test('leaves the reader where it ends, also when it was known', () => {
    for (let round = 0; round < 2; round += 1) {
      expect(read(thing, encode([10, encode([1, 'z'])], [1, 'after']))).toEqual({
        common: { name: 'z' },
        name: 'after',
      });
    }
  });

  test('is frozen throughout', () => {
    const outer = shared(message('Outer', { 1: ['things', list(inner)], 2: ['labels', map(text)] }));
    const value = read(outer, encode([1, encode([1, 'a'])], [2, encode([1, 'k'], [2, 'v'])])) as {
      things: object[];
      labels: object;
    };
    expect([value, value.things, value.things[0], value.labels].map(Object.isFrozen)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });
});

describe('what was made of bytes', () => {
  /** How often it was made, for each of the texts in turn. */
  function made(...texts: readonly string[]): number[] {
    const known = new EqualBytes<object>();
    return texts.map((each) => {
      let count = 0;
      const bytes = Buffer.from(`(${each})`);
      known.of(bytes, 1, bytes.length - 1, () => {
        count += 1;
        return {};
      });
      return count;
    });
  }

  test('is remembered', () => {
    expect(made('a', 'b', 'a', 'b', 'ab')).toEqual([1, 1, 0, 0, 1]);
  });

  test('is made anew where the bytes are many', () => {
    const long = 'a'.repeat(2049);
    expect(made(long, long, long.slice(1), long.slice(1))).toEqual([1, 1, 1, 0]);
  });

  test('is forgotten, so that nobody fills the memory', () => {
    const flood = Array.from({ length: 1000 }, (_, index) => `${index}`.padStart(1000));
    expect(made('a', ...flood, 'a').at(-1)).toBe(1);
    expect(made('a', ...flood.slice(0, 100), 'a').at(-1)).toBe(0);
  });
});
