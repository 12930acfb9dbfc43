/** What {@link Progress} needs of a terminal: `process.stderr` has it. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const repaintIntervalMs = 500;
const plainIntervalMs = 20_000;

/**
 * Says how a long task is getting on. On a terminal one line is repainted in place; elsewhere (a CI log) a
 * line is written every 20 seconds, so that the log stays short and the job does not look hung.
 */
export class Progress {
  readonly #stream: ProgressStream;
  #step = '';

  constructor(stream: ProgressStream = process.stderr) {
    this.#stream = stream;
  }

  /** Writes a line that stays. */
  say(line: string): void {
    this.#stream.write(this.#stream.isTTY === true ? `\r\u001b[K${line}\n` : `${line}\n`);
  }

  /** Sets what is being done now, as shown by {@link track} beside the elapsed time. */
  step(text: string): void {
    this.#step = text;
  }

  /** Shows the current step and the elapsed time until the work has ended. */
  async track<Result>(work: () => Promise<Result>): Promise<Result> {
    const startedAt = Date.now();
    const isTerminal = this.#stream.isTTY === true;
    const paint = (): void => {
      const line = `  ${elapsed(Date.now() - startedAt)}  ${this.#step}`;
      this.#stream.write(
        isTerminal ? `\r\u001b[K${line.slice(0, (this.#stream.columns ?? 80) - 1)}` : `${line}\n`,
      );
    };
    const timer = setInterval(paint, isTerminal ? repaintIntervalMs : plainIntervalMs);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      if (isTerminal) this.#stream.write('\r\u001b[K');
    }
  }
}

function elapsed(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, '0')}`;
}
