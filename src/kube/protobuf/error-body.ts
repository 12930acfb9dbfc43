import { PbfReader } from 'pbf';
import type { WireStream } from '../transport.ts';
import { envelope, protobufType } from './envelope.ts';
import { status } from './resources.ts';

const object = envelope(status);

/** The body of a refusal, as text. It comes in one of the types that were accepted for the stream: a Status in protobuf is given as JSON. */
export async function errorBody({ contentType, body }: WireStream): Promise<string> {
  const bytes = Buffer.from(await body.bytes());
  return contentType?.startsWith(protobufType) ? jsonOfStatus(bytes) : bytes.toString('utf8');
}

function jsonOfStatus(bytes: Buffer): string {
  try {
    const read = object.read(new PbfReader(bytes), bytes.length) as object;
    return JSON.stringify({ kind: status.name, ...read });
  } catch {
    // Nothing of it would be readable in a log.
    return '';
  }
}
