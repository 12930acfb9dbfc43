/** Calls between the benchmark and its helper processes, each a process of its own so that none is charged for another. */
import { type ChildProcess, fork } from 'node:child_process';

/** What a helper process offers. */
type Methods = Readonly<Record<string, (...args: never[]) => unknown>>;

interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

interface Result {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A helper process, seen from the benchmark. It ends with its owner. */
export class Remote<M extends Methods> implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  /** @param module a file of this folder that calls {@link serve} */
  constructor(module: string, args: readonly string[]) {
    this.#child = fork(new URL(module, import.meta.url), [...args], { serialization: 'advanced' });
    this.#child.on('message', (message) => {
      const { id, value, error } = message as Result;
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error === undefined) call?.resolve(value);
      else call?.reject(new Error(`${module}: ${error}`));
    });
    this.#child.once('exit', (code, signal) => {
      for (const call of this.#calls.values())
        call.reject(new Error(`${module} ended with ${code ?? signal}`));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Calls a method over there. */
  async call<K extends keyof M & string>(
    method: K,
    ...args: Parameters<M[K]>
  ): Promise<Awaited<ReturnType<M[K]>>> {
    this.#lastId += 1;
    const id = this.#lastId;
    const call = Promise.withResolvers<unknown>();
    this.#calls.set(id, call);
    this.#child.send({ id, method, args } satisfies Call);
    return (await call.promise) as Awaited<ReturnType<M[K]>>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await ended;
  }
}

/** Answers calls, in the helper process, until the benchmark goes away. */
export function serve(methods: Methods): void {
  process.on('message', (message) => {
    const { id, method, args } = message as Call;
    const answer = async (): Promise<unknown> => await methods[method]?.(...(args as never[]));
    answer().then(
      (value) => process.send?.({ id, value } satisfies Result),
      (error: unknown) =>
        process.send?.({ id, error: error instanceof Error ? (error.stack ?? '') : String(error) }),
    );
  });
  process.once('disconnect', () => process.exit(0));
}

/** Milliseconds on a clock that all processes of this machine share, and that never jumps. */
export function sharedNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
