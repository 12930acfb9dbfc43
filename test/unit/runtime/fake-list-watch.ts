import { JsonWatchDecoder } from '../../../src/runtime/json-watch-decoder.ts';
import type {
  ListPage,
  ListQuery,
  ListWatch,
  WatchFailure,
  WatchQuery,
  WatchStream,
} from '../../../src/runtime/list-watch.ts';
import type { Thing } from './objects.ts';

/** One open watch, played by the test. */
export class FakeStream implements AsyncIterable<Uint8Array> {
  readonly query: WatchQuery;
  readonly #signal: AbortSignal;
  readonly #chunks: Uint8Array[] = [];
  #ended: { readonly error?: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(query: WatchQuery, signal: AbortSignal) {
    this.query = query;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake());
  }

  get aborted(): boolean {
    return this.#signal.aborted;
  }

  event(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Thing): this {
    return this.text(`${JSON.stringify({ type, object })}\n`);
  }

  bookmark(resourceVersion: number, endsInitialEvents = false): this {
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    const metadata = { resourceVersion: String(resourceVersion), ...(endsInitialEvents && { annotations }) };
    return this.text(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata } })}\n`);
  }

  error(status: { code: number; reason: string; details?: { retryAfterSeconds: number } }): this {
    return this.text(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
  }

  text(text: string): this {
    return this.bytes(Buffer.from(text));
  }

  bytes(bytes: Uint8Array): this {
    this.#chunks.push(bytes);
    this.#wake();
    return this;
  }

  end(): void {
    this.#ended = {};
    this.#wake();
  }

  fail(error: Error): void {
    this.#ended = { error };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      this.#signal.throwIfAborted();
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.#ended === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      else if (this.#ended.error === undefined) return;
      else throw this.#ended.error;
    }
  }
}

/** An API server's lists and watches, played by the test. */
export class FakeListWatch implements ListWatch<Thing> {
  readonly resource = 'things';
  /** Every call: `list`, `list after TOKEN`, `watch with list`, `watch from VERSION`. */
  readonly calls: string[] = [];
  readonly streams: FakeStream[] = [];
  /** Pages to answer lists with, in turn; an Error is thrown. */
  readonly pages: (ListPage<Thing> | Error)[] = [];
  /** Errors to answer the next watches with, before any is opened. */
  readonly refusals: Error[] = [];
  /** Answers nothing at all until it is aborted. */
  hangs = false;

  /** The watch opened last. */
  get stream(): FakeStream {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error('no watch was opened');
    return stream;
  }

  async list({ continueToken }: ListQuery, signal: AbortSignal): Promise<ListPage<Thing>> {
    this.calls.push(continueToken === undefined ? 'list' : `list after ${continueToken}`);
    if (this.hangs) await aborted(signal);
    const page = this.pages.shift();
    if (page === undefined) throw new Error('the test has no page left');
    if (page instanceof Error) throw page;
    return page;
  }

  async watch(query: WatchQuery, signal: AbortSignal): Promise<WatchStream<Thing>> {
    this.calls.push(query.sendInitialEvents ? 'watch with list' : `watch from ${query.resourceVersion}`);
    if (this.hangs) await aborted(signal);
    const refusal = this.refusals.shift();
    if (refusal !== undefined) throw refusal;
    const stream = new FakeStream(query, signal);
    this.streams.push(stream);
    return { chunks: stream, decoder: new JsonWatchDecoder() };
  }
}

/** An error as an implementation of the seam would throw it. */
export function watchFailure(watchFailure: WatchFailure, retryAfterMs?: number): Error {
  return Object.assign(new Error(watchFailure), {
    watchFailure,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}
