/** The world outside of a command: streams and environment, so that a test can be that world. */
import { createInterface } from 'node:readline';
import { styleText } from 'node:util';

/** A stream to write to. */
export interface Output {
  readonly isTerminal: boolean;
  /** Columns; 80 where nobody knows. */
  readonly width: number;
  write(text: string): void;
}

/** Where a person, or a pipe, is read from. */
export interface Input {
  readonly isTerminal: boolean;
  /** Everything up to the end, as it comes. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Lines as they are typed. */
  lines(): AsyncIterable<string>;
}

/** Streams and environment. */
export interface Terminal {
  readonly out: Output;
  /** For what is not the answer: progress, warnings and errors. */
  readonly err: Output;
  readonly input: Input;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The streams of this process. */
export const processTerminal: Terminal = {
  out: outputOf(process.stdout),
  err: outputOf(process.stderr),
  input: {
    isTerminal: process.stdin.isTTY === true,
    bytes: process.stdin,
    lines: () => createInterface({ input: process.stdin }),
  },
  env: process.env,
};

function outputOf(stream: NodeJS.WriteStream): Output {
  return {
    get isTerminal() {
      return stream.isTTY === true;
    },
    get width() {
      return stream.columns ?? 80;
    },
    write: (content) => void stream.write(content),
  };
}

/** The few meanings that colours have here. */
export interface Paint {
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
}

const plain = (content: string): string => content;

/** No colours at all. */
export const noPaint: Paint = { strong: plain, faint: plain, good: plain, bad: plain, warn: plain };

const colours: Paint = {
  strong: styled('bold'),
  faint: styled('dim'),
  good: styled('green'),
  bad: styled('red'),
  warn: styled('yellow'),
};

/**
 * Colours for a terminal that a person looks at, and none elsewhere.
 * Source: https://no-color.org
 */
export function paintFor({ env }: Terminal, output: Output): Paint {
  const isWanted = (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  return isWanted && output.isTerminal ? colours : noPaint;
}

function styled(style: 'bold' | 'dim' | 'green' | 'red' | 'yellow'): (text: string) => string {
  return (content) => styleText(style, content, { validateStream: false });
}
