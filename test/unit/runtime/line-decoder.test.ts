import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineDecoder } from '../../../src/runtime/line-decoder.ts';

/** Decodes `bytes`, cut at the given places. */
function decode(bytes: Uint8Array, cuts: readonly number[] = []): { lines: string[]; pendingBytes: number } {
  const decoder = new LineDecoder();
  const lines: string[] = [];
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let index = 1; index < places.length; index += 1) {
    decoder.push(bytes.subarray(places[index - 1], places[index]), (line) => lines.push(line));
  }
  return { lines, pendingBytes: decoder.pendingBytes };
}

describe('a line decoder', () => {
  test('gives the same lines wherever the chunks are cut', () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\n', ' '));
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        line,
        (lines, cuts, rest) => {
          const bytes = Buffer.from(lines.map((text) => `${text}\n`).join('') + rest);
          expect(decode(bytes, cuts)).toEqual({
            lines: lines.filter((text) => text !== ''),
            pendingBytes: Buffer.byteLength(rest),
          });
        },
      ),
    );
  });

  test('puts a character together that was split over two chunks', () => {
    const bytes = Buffer.from('grün 🌳\n');
    for (let cut = 0; cut <= bytes.length; cut += 1) expect(decode(bytes, [cut]).lines).toEqual(['grün 🌳']);
  });

  test('gives a line as soon as it is complete', () => {
    const decoder = new LineDecoder();
    const lines: string[] = [];
    decoder.push(Buffer.from('one\ntw'), (line) => lines.push(line));
    expect(lines).toEqual(['one']);
    decoder.push(Buffer.from('o\n'), (line) => lines.push(line));
    expect(lines).toEqual(['one', 'two']);
    expect(decoder.pendingBytes).toBe(0);
  });

  test('replaces what is not UTF-8, and goes on', () => {
    expect(decode(Buffer.from([0x61, 0xff, 0x0a, 0x62, 0x0a])).lines).toEqual(['a\ufffd', 'b']);
  });

  test('refuses a line without end', () => {
    const decoder = new LineDecoder();
    const mebibyte = new Uint8Array(1024 * 1024).fill(0x61);
    const flood = (): void => {
      for (let count = 0; count < 33; count += 1) decoder.push(mebibyte, () => undefined);
    };
    expect(flood).toThrow('a line exceeds 33554432 bytes');
  });
});
