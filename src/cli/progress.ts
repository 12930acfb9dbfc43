import type { Clock } from '../runtime/clock.ts';
import type { Output } from './terminal.ts';

/** What takes less is not worth a word. Milliseconds. */
const patienceMs = 1000;

/** Says on standard error what is being waited for, once it has taken a second. */
export class Progress {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #steps: { readonly what: string }[] = [];
  #shown = '';

  constructor(output: Output, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
  }

  /** Waits for the work, and says so if it takes long. */
  async during<T>(what: string, work: () => Promise<T>): Promise<T> {
    const step = { what };
    this.#steps.push(step);
    const timer = this.#clock.setTimeout(() => this.#show(), patienceMs);
    try {
      return await work();
    } finally {
      timer.cancel();
      this.#steps.splice(this.#steps.indexOf(step), 1);
      this.#clear();
    }
  }

  /** The step that began first is the one that has been waited for longest. */
  #show(): void {
    const [step] = this.#steps;
    if (step === undefined || this.#shown === step.what) return;
    this.#clear();
    this.#shown = step.what;
    this.#output.write(this.#output.isTerminal ? `${step.what} ...` : `${step.what} ...\n`);
  }

  #clear(): void {
    if (this.#shown !== '' && this.#output.isTerminal) this.#output.write('\r\u001b[K');
    this.#shown = '';
  }
}
