import type { Clock } from '../runtime/clock.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import { Progress } from './progress.ts';
import { type Paint, paintFor, type Terminal } from './terminal.ts';

/** What every command is given. */
export class CommandContext {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly version: string;
  readonly progress: Progress;
  /** For standard output. */
  readonly paint: Paint;
  readonly #connections: Connection[] = [];

  constructor(parts: { readonly terminal: Terminal; readonly clock: Clock; readonly version: string }) {
    this.terminal = parts.terminal;
    this.clock = parts.clock;
    this.version = parts.version;
    this.progress = new Progress(parts.terminal.err, parts.clock);
    this.paint = paintFor(parts.terminal, parts.terminal.out);
  }

  /** Writes to standard output. */
  print(text: string): void {
    this.terminal.out.write(text);
  }

  /** Writes to standard error, a line. */
  warn(line: string): void {
    this.terminal.err.write(`${line}\n`);
  }

  /**
   * The cluster, with the user's own credentials. Nothing is sent yet.
   *
   * @throws {UserError} for a kubeconfig that cannot be used
   */
  connect(options: ConnectionOptions): Connection {
    const connection = new Connection(options, this);
    this.#connections.push(connection);
    return connection;
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }
}
