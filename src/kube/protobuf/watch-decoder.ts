import { PbfReader } from 'pbf';
import type { EventDecoder, ObjectWithMeta, WatchEvent } from '../../runtime/list-watch.ts';
import { MalformedWatchError, toWatchEvent } from '../../runtime/watch-event.ts';
import { envelope } from './envelope.ts';
import { as, type MessageType, message, text, UnknownFieldError } from './message.ts';
import { status } from './resources.ts';

/** Before each event, its length: four bytes, the highest first. */
const prefixLength = 4;
/** Longer events are refused: an object is at most a few MiB (etcd takes no more), so this is no watch stream. Bytes. */
const longestFrame = 32 * 1024 * 1024;

/**
 * Reads a watch in Kubernetes' protobuf: events with their lengths before them, and in each event an object with its type before it.
 * Sources: WatchEvent in k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto, and framer.go in k8s.io/apimachinery/pkg/util/framer
 */
export class ProtobufWatchDecoder<T extends ObjectWithMeta> implements EventDecoder<T> {
  readonly #event: MessageType;
  readonly #onUnreadable: (error: Error) => void;
  /** The beginning of an event whose end has not come. Joined once, so a long one costs no more than its length. */
  #pieces: Buffer[] = [];
  #pendingBytes = 0;
  /** What of the pending bytes there must be before anything can be done. */
  #awaited = prefixLength;

  /**
   * @param object what is watched
   * @param onUnreadable there is an event that cannot be read, and could not be the next time; the error is thrown after it
   */
  constructor(object: MessageType, onUnreadable: (error: Error) => void) {
    this.#event = watchEvent(object);
    this.#onUnreadable = onUnreadable;
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
    const rest = bytes.subarray(start);
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
      if (length > longestFrame)
        throw this.#unreadable(new MalformedWatchError(`an event of ${length} bytes`));
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
      throw this.#unreadable(
        cause instanceof UnknownFieldError
          ? cause
          : new MalformedWatchError(`an event is no message: ${String(cause)}`, { cause }),
      );
    }
  }

  #unreadable(error: Error): Error {
    this.#onUnreadable(error);
    return error;
  }
}

/** An event of a watch of these objects; the last one may hold a Status. */
function watchEvent(object: MessageType): MessageType {
  const extension = message('RawExtension', { 1: ['raw', envelope(object, status)] });
  return message('WatchEvent', { 1: ['type', text], 2: ['object', as(extension, ({ raw }) => raw)] });
}
