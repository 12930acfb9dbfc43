const newline = 0x0a;
const longestMemory = 100;

/** What went by on a watch. */
export interface TappedStream {
  /** The lines that are complete with this chunk, each with its newline. */
  linesOf(chunk: Buffer): Buffer[];
  /**
   * An event that has gone by earlier on a watch of the same objects; undefined during an initial list, and where nothing has.
   *
   * @param draw which one, from 0 to below 1
   */
  earlierEvent(draw: number): Buffer | undefined;
}

/** Remembers the events of watches, to repeat them as an API server that lags behind another would. */
export class WatchTap {
  readonly #events = new Map<string, Buffer[]>();

  /** @param url path and query of the watch */
  open(url: string): TappedStream {
    const { pathname, searchParams } = new URL(url, 'https://upstream');
    const objects = `${pathname} ${searchParams.get('fieldSelector') ?? ''}`;
    const events = this.#events.get(objects) ?? [];
    this.#events.set(objects, events);
    let isListing = searchParams.get('sendInitialEvents') === 'true';
    let begun: Buffer = Buffer.alloc(0);
    return {
      linesOf: (chunk) => {
        const bytes = Buffer.concat([begun, chunk]);
        const lines: Buffer[] = [];
        let start = 0;
        for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
          const line = bytes.subarray(start, end + 1);
          lines.push(line);
          start = end + 1;
          if (line.includes('k8s.io/initial-events-end')) isListing = false;
          else if (!isListing && !/^{"type":"(BOOKMARK|ERROR)"/.test(line.toString('latin1', 0, 20))) {
            events.push(Buffer.from(line));
            if (events.length > longestMemory) events.shift();
          }
        }
        begun = bytes.subarray(start);
        return lines;
      },
      earlierEvent: (draw) => (isListing ? undefined : events[Math.floor(draw * events.length)]),
    };
  }
}
