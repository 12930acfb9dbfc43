import type { LogFields, Logger } from '../../../src/telemetry/logger.ts';

type Line = LogFields & { readonly level: string; readonly message: string };

/** Keeps what is logged. */
export class KeptLog implements Logger {
  readonly lines: Line[];
  readonly #fields: LogFields;

  constructor(lines: Line[] = [], fields: LogFields = {}) {
    this.lines = lines;
    this.#fields = fields;
  }

  child(fields: LogFields): Logger {
    return new KeptLog(this.lines, { ...this.#fields, ...fields });
  }

  debug(message: string, fields?: LogFields): void {
    this.#keep('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#keep('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#keep('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#keep('error', message, fields);
  }

  #keep(level: string, message: string, fields?: LogFields): void {
    this.lines.push({ ...this.#fields, ...fields, level, message });
  }
}
