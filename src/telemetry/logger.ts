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
  /** A logger that adds `fields` to every line, for example a reconcile id. Cheap enough to make one per reconcile. */
  child(fields: LogFields): Logger;
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

  /** May change at any time; children follow. The change is a line of its own, while either level lets it through. */
  set level(level: LogLevel) {
    const from = this.level;
    if (level === from) return;
    const isQuieter = logLevels.indexOf(level) > logLevels.indexOf(from);
    if (isQuieter) this.info('log level changed', { from, to: level });
    this.#winston.level = level;
    if (!isQuieter) this.info('log level changed', { from, to: level });
  }

  child(fields: LogFields): Logger {
    return new ChildLogger(this, fields);
  }

  debug(message: string, ...fields: readonly (LogFields | undefined)[]): void {
    this.#write('debug', message, fields);
  }

  info(message: string, ...fields: readonly (LogFields | undefined)[]): void {
    this.#write('info', message, fields);
  }

  warn(message: string, ...fields: readonly (LogFields | undefined)[]): void {
    this.#write('warn', message, fields);
  }

  error(message: string, ...fields: readonly (LogFields | undefined)[]): void {
    this.#write('error', message, fields);
  }

  /** Resolves when everything written so far has been handed to the output. */
  async close(): Promise<void> {
    const finished = new Promise<void>((resolve) => this.#winston.once('finish', resolve));
    this.#winston.end();
    await finished;
  }

  #write(level: LogLevel, message: string, fields: readonly (LogFields | undefined)[]): void {
    // Redacting costs more than a level check, and debug lines of a burst are many.
    if (logLevels.indexOf(level) < logLevels.indexOf(this.level)) return;
    const merged = redact(Object.assign({}, ...fields)) as Record<string, unknown>;
    // Last, so that a field cannot pose as the line's own level, message or time.
    this.#winston.log({ ...renameReserved(merged), level, message });
  }
}

class ChildLogger implements Logger {
  readonly #parent: RootLogger;
  readonly #fields: LogFields;

  constructor(parent: RootLogger, fields: LogFields) {
    this.#parent = parent;
    this.#fields = fields;
  }

  child(fields: LogFields): Logger {
    return new ChildLogger(this.#parent, { ...this.#fields, ...fields });
  }

  debug(message: string, fields?: LogFields): void {
    this.#parent.debug(message, this.#fields, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#parent.info(message, this.#fields, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#parent.warn(message, this.#fields, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#parent.error(message, this.#fields, fields);
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
