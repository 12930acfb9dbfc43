import { protobufType } from '../../src/kube/protobuf/envelope.ts';
import { protobufResources } from '../../src/kube/protobuf/resources.ts';
import { ProtobufWatchDecoder } from '../../src/kube/protobuf/watch-decoder.ts';
import { JsonWatchDecoder } from '../../src/runtime/json-watch-decoder.ts';
import type { EventDecoder, ObjectWithMeta, WatchEvent } from '../../src/runtime/list-watch.ts';
import { WatchStatusError } from '../../src/runtime/watch-event.ts';

const newline = 0x0a;
const prefixLength = 4;
const longestMemory = 100;

/** One watch that goes by. */
export interface TappedStream {
  /** The events that are complete with this chunk, each as it came. */
  eventsOf(chunk: Buffer): Buffer[];
  /** An event has been passed on, and may be repeated from now on. Not sooner: one that has not been sent is no earlier one. */
  passed(event: Buffer): void;
  /**
   * An event that was passed on earlier, on this watch or another of the same objects; undefined during an initial list, and where
   * there is none.
   *
   * @param draw which one, from 0 to below 1
   */
  earlierEvent(draw: number): Buffer | undefined;
}

interface PassedEvent {
  readonly version: number;
  readonly bytes: Buffer;
}

/** Remembers the events of watches, to repeat them as an API server that lags behind another would. */
export class WatchTap {
  readonly #events = new Map<string, PassedEvent[]>();

  /**
   * @param url path and query of the watch
   * @param contentType of the answer
   */
  open(url: string, contentType: string): TappedStream {
    const { pathname, searchParams } = new URL(url, 'https://upstream');
    const objects = `${contentType} ${pathname} ${searchParams.get('fieldSelector') ?? ''}`;
    const events = this.#events.get(objects) ?? [];
    this.#events.set(objects, events);
    const { cut, decoder } = formatOf(pathname, contentType);
    let isListing = searchParams.get('sendInitialEvents') === 'true';
    // What was passed on just before a connection broke may not have arrived: this is what the client knows for sure.
    let reached = Number(searchParams.get('resourceVersion') ?? 0);
    let begun: Buffer = Buffer.alloc(0);
    return {
      eventsOf: (chunk) => {
        const bytes = Buffer.concat([begun, chunk]);
        const complete: Buffer[] = [];
        let start = 0;
        for (let end = cut(bytes, start); end !== undefined; end = cut(bytes, start)) {
          complete.push(bytes.subarray(start, end));
          start = end;
        }
        begun = bytes.subarray(start);
        return complete;
      },
      passed: (bytes) => {
        const event = decoded(decoder(), bytes);
        if (event?.type === 'BOOKMARK' && event.endsInitialEvents) isListing = false;
        if (isListing || event === undefined) return;
        if (event.type === 'BOOKMARK') {
          reached = Number(event.resourceVersion);
          return;
        }
        reached = Number(event.object.metadata.resourceVersion);
        events.push({ version: reached, bytes: Buffer.from(bytes) });
        if (events.length > longestMemory) events.shift();
      },
      earlierEvent: (draw) => {
        if (isListing) return undefined;
        const earlier = events.filter(({ version }) => version <= reached);
        return earlier[Math.floor(draw * earlier.length)]?.bytes;
      },
    };
  }
}

/** How events are told apart and read. */
interface Format {
  /** Where the event ends that begins at `start`; undefined where it is not complete. */
  readonly cut: (bytes: Buffer, start: number) => number | undefined;
  readonly decoder: () => EventDecoder<ObjectWithMeta>;
}

function formatOf(pathname: string, contentType: string): Format {
  if (!contentType.startsWith(protobufType)) {
    return {
      cut: (bytes, start) => {
        const end = bytes.indexOf(newline, start);
        return end === -1 ? undefined : end + 1;
      },
      decoder: () => new JsonWatchDecoder(),
    };
  }
  const message = protobufResources[pathname.replace(/^\/apis\/|^\/api(?=\/)/, '')];
  if (message === undefined) throw new Error(`${pathname} is watched as protobuf, which is not known`);
  return {
    cut: (bytes, start) => {
      if (bytes.length - start < prefixLength) return undefined;
      const end = start + prefixLength + bytes.readUInt32BE(start);
      return end > bytes.length ? undefined : end;
    },
    decoder: () =>
      new ProtobufWatchDecoder(message, () => {
        throw new Error(`${pathname}: the API server has fields that are not known`);
      }),
  };
}

/** Undefined for an ERROR event. */
function decoded(
  decoder: EventDecoder<ObjectWithMeta>,
  bytes: Buffer,
): WatchEvent<ObjectWithMeta> | undefined {
  let read: WatchEvent<ObjectWithMeta> | undefined;
  try {
    decoder.push(bytes, (event) => {
      read = event;
    });
  } catch (error) {
    if (!(error instanceof WatchStatusError)) throw error;
  }
  return read;
}
