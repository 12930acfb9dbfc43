import { styleText } from 'node:util';

/** What {@link Screen} needs of a terminal: `process.stdout` has it. */
export interface ScreenStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** A cell of a table. */
export type Cell = string | number;

/** How text may look. */
type Style = Parameters<typeof styleText>[0];

const width = 80;
const indent = '  ';
const gap = '  ';
const clearLine = '\r\u001b[K';

/** Writes for a reader with 80 columns. Coloured on a terminal only, and not where NO_COLOR is set. */
export class Screen {
  readonly #stream: ScreenStream;

  constructor(stream: ScreenStream = process.stdout) {
    this.#stream = stream;
  }

  /** What this is about. */
  title(text: string): void {
    this.#line('');
    this.#line(this.#styled('bold', text));
  }

  /** A heading. */
  chapter(title: string): void {
    this.#line('');
    this.#line(this.#styled(['bold', 'cyan'], title));
  }

  /** Prose, wrapped. */
  say(text: string, style: Style = 'reset'): void {
    for (const line of wrap(text, width - indent.length)) this.#line(indent + this.#styled(style, line));
  }

  /** Something the reader could type, line by line; never wrapped, so that it can be copied. */
  command(...lines: readonly string[]): void {
    for (const line of lines) {
      const isContinued = line.startsWith(' ') || line.startsWith('#');
      const prompt = isContinued ? indent : `${this.#styled('dim', '$')} `;
      this.#line(indent + prompt + this.#styled(line.startsWith('#') ? 'dim' : 'bold', line));
    }
  }

  /** Says that something holds, with a figure at the end of the line. */
  done(text: string, figure = ''): void {
    this.#marked(this.#styled('green', '✓'), text, figure);
  }

  /** Says that something does not hold. */
  failed(text: string): void {
    this.#marked(this.#styled(['red', 'bold'], '✗'), text, '');
  }

  /** Detail that belongs to the line above. */
  detail(text: string): void {
    const lines = wrap(text, width - 2 * indent.length);
    for (const line of lines) this.#line(indent + indent + this.#styled('dim', line));
  }

  /** Rows under a head; columns of numbers are aligned to the right. */
  table(head: readonly string[], rows: readonly (readonly Cell[])[]): void {
    const widths = head.map((title, column) =>
      Math.max(title.length, ...rows.map((row) => String(row[column] ?? '').length)),
    );
    const isNumeric = head.map((_, column) => rows.some((row) => typeof row[column] === 'number'));
    const laidOut = (row: readonly Cell[]): string =>
      row
        .map((cell, column) => {
          const text = String(cell);
          const size = widths[column] ?? 0;
          return isNumeric[column] === true ? text.padStart(size) : text.padEnd(size);
        })
        .join(gap)
        .trimEnd();
    this.#line(indent + this.#styled('dim', laidOut(head)));
    for (const row of rows) this.#line(indent + laidOut(row));
  }

  /** An empty line. */
  space(): void {
    this.#line('');
  }

  /** Does something that takes a moment, and says how long it took. */
  async step<Result>(text: string, work: () => Promise<Result>): Promise<Result> {
    const isTerminal = this.#stream.isTTY === true;
    if (isTerminal) this.#stream.write(`${indent}${this.#styled('dim', `· ${text} ...`)}`);
    const startedAt = performance.now();
    try {
      const result = await work();
      if (isTerminal) this.#stream.write(clearLine);
      this.done(text, `${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
      return result;
    } catch (error) {
      if (isTerminal) this.#stream.write(clearLine);
      throw error;
    }
  }

  #marked(mark: string, text: string, figure: string): void {
    const [first = '', ...more] = wrap(text, width - 2 * indent.length - figure.length - 1);
    const filling = ' '.repeat(Math.max(1, width - 2 * indent.length - first.length - figure.length));
    this.#line(`${indent}${mark} ${first}${figure === '' ? '' : filling + this.#styled('bold', figure)}`);
    for (const line of more) this.#line(indent + indent + line);
  }

  /** `styleText` itself sees to terminals and NO_COLOR. */
  #styled(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#stream as NodeJS.WriteStream });
  }

  #line(text: string): void {
    this.#stream.write(`${text}\n`);
  }
}

/** Milliseconds as people read them: `4.2 ms`, `31 ms`, `1,204 ms`. */
export function milliseconds(duration: number): string {
  const digits = duration < 10 ? 1 : 0;
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${duration.toLocaleString('en', format)} ms`;
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
