import { createLogger as createWinston, format, transports, type Logger as Winston } from 'winston';
import { redact } from './redact.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'json' | 'text';

export const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
export const logFormats: readonly LogFormat[] = ['json', 'text'];

/** Structured data beside a message. References to objects, not the objects. */
export type LogFields = Readonly<Record<string, unknown>>;

/** What code may ask of a logger. Messages are constant; what varies goes into the fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface RootLoggerOptions {
  readonly level: LogLevel;
  /** `json`: one object a line. `text`: for people, on a terminal. */
  readonly format: LogFormat;
  /** Default: standard error, so that standard output stays free for what a command prints. */
  readonly output?: NodeJS.WritableStream;
}

export function isLogLevel(value: string): value is LogLevel {
  return (logLevels as readonly string[]).includes(value);
}

/**
 * The process' logger. Field values pass {@link redact}, so that no credential reaches a line; an error in a field is
 * written with its causes.
 */
export class RootLogger implements Logger {
  readonly #winston: Winston;

  constructor(options: RootLoggerOptions) {
    this.#winston = createWinston({
      level: options.level,
      format: format.combine(
        format.timestamp(),
        options.format === 'json' ? format.json() : format.printf(toText),
      ),
      transports: [new transports.Stream({ stream: options.output ?? process.stderr })],
      exitOnError: false,
    });
  }

  get level(): LogLevel {
    return this.#winston.level as LogLevel;
  }

  /** May change at any time; children follow. */
  set level(level: LogLevel) {
    this.#winston.level = level;
  }

  /** A logger that adds `fields` to every line, for example a reconcile id. Cheap enough to make one per reconcile. */
  child(fields: LogFields): Logger {
    return {
      debug: (message, more) => this.#write('debug', message, fields, more),
      info: (message, more) => this.#write('info', message, fields, more),
      warn: (message, more) => this.#write('warn', message, fields, more),
      error: (message, more) => this.#write('error', message, fields, more),
    };
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields);
  }

  /** Resolves when everything written so far has been handed to the output. */
  async close(): Promise<void> {
    const finished = new Promise<void>((resolve) => this.#winston.once('finish', resolve));
    this.#winston.end();
    await finished;
  }

  #write(level: LogLevel, message: string, ...fields: readonly (LogFields | undefined)[]): void {
    // Redacting costs more than a level check, and debug lines of a burst are many.
    if (logLevels.indexOf(level) < logLevels.indexOf(this.level)) return;
    const merged = redact(Object.assign({}, ...fields)) as Record<string, unknown>;
    // Last, so that a field cannot pose as the line's own level, message or time.
    this.#winston.log({ ...renameReserved(merged), level, message });
  }
}

const reserved = ['level', 'message', 'timestamp'];

function renameReserved(fields: Record<string, unknown>): Record<string, unknown> {
  for (const name of reserved) {
    if (name in fields) {
      fields[`field.${name}`] = fields[name];
      delete fields[name];
    }
  }
  return fields;
}

function toText({ timestamp, level, message, ...fields }: Record<string, unknown>): string {
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${textOf(value)}`);
  return [timestamp, String(level).toUpperCase().padEnd(5), message, ...pairs].join(' ');
}

function textOf(value: unknown): string {
  return typeof value === 'string' && /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value);
}
