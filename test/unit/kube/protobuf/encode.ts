import { PbfWriter } from 'pbf';

/** A field: its number, and a value; bytes stand for a message. */
export type Field = readonly [number: number, value: string | number | boolean | Uint8Array];

/** A message as it travels. */
export function encode(...fields: readonly Field[]): Uint8Array {
  const writer = new PbfWriter();
  for (const [number, value] of fields) {
    if (typeof value === 'string') writer.writeStringField(number, value);
    else if (typeof value === 'number') writer.writeVarintField(number, value);
    else if (typeof value === 'boolean') writer.writeBooleanField(number, value);
    else writer.writeBytesField(number, value);
  }
  return writer.finish();
}

/** An object with its type before it. */
export function envelope(kind: string, ...fields: readonly Field[]): Uint8Array {
  const typeMeta = encode([1, 'v1'], [2, kind]);
  return Buffer.concat([Buffer.from('k8s\0'), encode([1, typeMeta], [2, encode(...fields)], [4, ''])]);
}

/** An event of a watch with its length before it. */
export function frame(type: string, object: Uint8Array): Buffer {
  const event = encode([1, type], [2, encode([1, object])]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

/** Metadata of an object. */
export function metadata(name: string, resourceVersion: string, ...more: readonly Field[]): Field {
  return [1, encode([1, name], [5, `uid-of-${name}`], [6, resourceVersion], ...more)];
}
