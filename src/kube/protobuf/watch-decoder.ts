import { PbfReader } from 'pbf';
import type { EventDecoder, ObjectWithMeta, WatchEvent } from '../../runtime/list-watch.ts';
import { MalformedWatchError, toWatchEvent } from '../../runtime/watch-event.ts';
import {
  as,
  type FieldType,
  MalformedMessageError,
  type MessageType,
  message,
  text,
  UnknownFieldError,
} from './message.ts';
import { status } from './resources.ts';

/** Before each event, its length: four bytes, the highest first. */
const prefixLength = 4;
/** Longer events are refused: an object is at most a few MiB (etcd takes no more), so this is no watch stream. Bytes. */
const longestFrame = 32 * 1024 * 1024;
/** What each object begins with. */
const magic = Buffer.from('k8s\0');

const nothing = Buffer.alloc(0);

/**
 * Reads a watch in Kubernetes' protobuf: events with their lengths before them, and in each event an object with its type before it.
 * Sources: https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding, WatchEvent in
 * k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto, and framer.go in k8s.io/apimachinery/pkg/util/framer
 */
export class ProtobufWatchDecoder<T extends ObjectWithMeta> implements EventDecoder<T> {
  readonly #event: MessageType;
  readonly #onUnknownField: () => void;
  /** The beginning of an event whose end has not come. Joined once, so a long one costs no more than its length. */
  #pieces: Buffer[] = [];
  #pendingBytes = 0;
  /** What of the pending bytes there must be before anything can be done. */
  #awaited = prefixLength;

  /**
   * @param object what is watched
   * @param onUnknownField the server has fields that are not known here; the error follows
   */
  constructor(object: MessageType, onUnknownField: () => void) {
    this.#event = watchEvent(object);
    this.#onUnknownField = onUnknownField;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  push(chunk: Uint8Array, onEvent: (event: WatchEvent<T>) => void): void {
    const newest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#pendingBytes += newest.length;
    this.#pieces.push(newest);
    if (this.#pendingBytes < this.#awaited) return;
    const bytes = this.#pieces.length === 1 ? newest : Buffer.concat(this.#pieces);
    const start = this.#decodeAll(bytes, onEvent);
    const rest = start === bytes.length ? nothing : bytes.subarray(start);
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#pendingBytes = rest.length;
  }

  /** @returns where the first event begins that is not complete */
  #decodeAll(bytes: Buffer, onEvent: (event: WatchEvent<T>) => void): number {
    const reader = new PbfReader(bytes);
    for (let start = 0; ; ) {
      this.#awaited = prefixLength;
      if (bytes.length - start < prefixLength) return start;
      const length = bytes.readUInt32BE(start);
      if (length > longestFrame) throw new MalformedWatchError(`an event of ${length} bytes`);
      this.#awaited = prefixLength + length;
      if (bytes.length - start < this.#awaited) return start;
      reader.pos = start + prefixLength;
      start += this.#awaited;
      onEvent(toWatchEvent(this.#decode(reader, start)));
    }
  }

  #decode(reader: PbfReader, end: number): unknown {
    try {
      return this.#event.read(reader, end);
    } catch (cause) {
      if (cause instanceof UnknownFieldError) {
        this.#onUnknownField();
        throw cause;
      }
      throw new MalformedWatchError(`an event is no message: ${String(cause)}`, { cause });
    }
  }
}

const typeMeta = message('TypeMeta', { 1: ['apiVersion', text], 2: ['kind', text] });

/** Bytes that are read once it is known what they are. */
interface Part {
  readonly start: number;
  readonly end: number;
}

const part: FieldType = {
  wire: 'delimited',
  read: (reader, end): Part => {
    const start = reader.pos;
    reader.pos = end;
    return { start, end };
  },
};

const unknown = message('Unknown', {
  1: ['typeMeta', typeMeta],
  2: ['raw', part],
  3: ['contentEncoding', text],
  4: ['contentType', text],
});

/** An event of a watch of these objects; the last one may hold a Status. */
function watchEvent(object: MessageType): MessageType {
  const types = [object, status];
  const raw: FieldType = {
    wire: 'delimited',
    read: (reader, end) => {
      if (
        end - reader.pos < magic.length ||
        magic.compare(reader.buf, reader.pos, reader.pos + magic.length) !== 0
      )
        throw new MalformedMessageError('an object does not begin as they do');
      reader.pos += magic.length;
      const { typeMeta, raw } = unknown.read(reader, end) as {
        readonly typeMeta?: { readonly kind?: string };
        readonly raw?: Part;
      };
      const type = types.find(({ name }) => name === typeMeta?.kind);
      if (type === undefined || raw === undefined)
        throw new MalformedMessageError(`an object of kind ${typeMeta?.kind} where ${object.name} should be`);
      reader.pos = raw.start;
      const value = type.read(reader, raw.end);
      reader.pos = end;
      return value;
    },
  };
  const rawExtension = as(message('RawExtension', { 1: ['raw', raw] }), (extension) => extension.raw);
  return message('WatchEvent', { 1: ['type', text], 2: ['object', rawExtension] });
}
