const newline = 0x0a;
const longestMemory = 100;

/** One watch that goes by. */
export interface TappedStream {
  /** The lines that are complete with this chunk, each with its newline. */
  linesOf(chunk: Buffer): Buffer[];
  /** A line has been passed on, and may be repeated from now on. Not sooner: an event that has not been sent is no earlier one. */
  passed(line: Buffer): void;
  /**
   * An event that was passed on earlier, on this watch or another of the same objects; undefined during an initial list, and where
   * there is none.
   *
   * @param draw which one, from 0 to below 1
   */
  earlierEvent(draw: number): Buffer | undefined;
}

interface WatchLine {
  readonly type: string;
  readonly object: { readonly metadata: { readonly resourceVersion: string } };
}

interface PassedEvent {
  readonly version: number;
  readonly line: Buffer;
}

/** Remembers the events of watches, to repeat them as an API server that lags behind another would. */
export class WatchTap {
  readonly #events = new Map<string, PassedEvent[]>();

  /** @param url path and query of the watch */
  open(url: string): TappedStream {
    const { pathname, searchParams } = new URL(url, 'https://upstream');
    const objects = `${pathname} ${searchParams.get('fieldSelector') ?? ''}`;
    const events = this.#events.get(objects) ?? [];
    this.#events.set(objects, events);
    let isListing = searchParams.get('sendInitialEvents') === 'true';
    // What was passed on just before a connection broke may not have arrived: this is what the client knows for sure.
    let reached = Number(searchParams.get('resourceVersion') ?? 0);
    let begun: Buffer = Buffer.alloc(0);
    return {
      linesOf: (chunk) => {
        const bytes = Buffer.concat([begun, chunk]);
        const lines: Buffer[] = [];
        let start = 0;
        for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
          lines.push(bytes.subarray(start, end + 1));
          start = end + 1;
        }
        begun = bytes.subarray(start);
        return lines;
      },
      passed: (line) => {
        const { type, object } = JSON.parse(line.toString('utf8')) as WatchLine;
        if (line.includes('k8s.io/initial-events-end')) isListing = false;
        if (isListing || type === 'ERROR') return;
        reached = Number(object.metadata.resourceVersion);
        if (type === 'BOOKMARK') return;
        events.push({ version: reached, line: Buffer.from(line) });
        if (events.length > longestMemory) events.shift();
      },
      earlierEvent: (draw) => {
        if (isListing) return undefined;
        const earlier = events.filter(({ version }) => version <= reached);
        return earlier[Math.floor(draw * earlier.length)]?.line;
      },
    };
  }
}
