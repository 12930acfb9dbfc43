import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuardCommand, GuardReport } from './guard.ts';

/** How a process ended. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running process. */
export interface SupervisedProcess {
  readonly pid: number;
  /** Fulfilled when the process has ended; never rejected. */
  readonly ended: Promise<ProcessEnd>;
}

interface Entry {
  readonly started: PromiseWithResolvers<SupervisedProcess>;
  readonly ended: PromiseWithResolvers<ProcessEnd>;
  pid: number;
}

/**
 * Runs processes that cannot outlive the process that owns them, and a temporary directory that cannot
 * either (guard.ts says how). No signal handlers are installed in the owner: they are not needed, and they
 * would change how the owner itself answers Ctrl-C.
 */
export class Supervisor {
  /** An empty directory for the processes' files, gone once this supervisor or its owner has ended. */
  readonly directory: string;
  readonly #guard: ChildProcess;
  readonly #entries = new Map<string, Entry>();
  #isClosing = false;

  private constructor(guard: ChildProcess, directory: string) {
    this.#guard = guard;
    this.directory = directory;
    guard.on('message', (report: GuardReport) => this.#receive(report));
    guard.once('exit', () => this.#guardEnded());
  }

  /** Starts the guard process; takes about a tenth of a second. */
  static async launch(): Promise<Supervisor> {
    const guard = fork(join(import.meta.dirname, 'guard.ts'), [], {
      // A session of its own: Ctrl-C on the terminal reaches the owner only, which then stops in good order.
      detached: true,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ready = once(guard, 'message') as Promise<[GuardReport]>;
    const ended = once(guard, 'exit').then(([exitCode]) => {
      throw new Error(`the control plane's guard process ended at once (exit code ${String(exitCode)})`);
    });
    const [report] = await Promise.race([ready, ended]);
    ended.catch(() => {});
    if (report.kind !== 'ready') throw new Error(`unexpected first message from the guard: ${report.kind}`);
    return new Supervisor(guard, report.directory);
  }

  /**
   * Starts a process under a name that is not running now; its output is appended to the log file.
   *
   * @throws when the command cannot be executed.
   */
  async spawn(
    name: string,
    command: string,
    args: readonly string[],
    logPath: string,
  ): Promise<SupervisedProcess> {
    if (!this.#guard.connected) throw new Error(`${name} cannot start: its control plane has been stopped`);
    const entry: Entry = {
      started: Promise.withResolvers<SupervisedProcess>(),
      ended: Promise.withResolvers<ProcessEnd>(),
      pid: 0,
    };
    this.#entries.set(name, entry);
    this.#send({ kind: 'spawn', name, command, args, logPath });
    return await entry.started.promise;
  }

  /** Sends a signal to the process of that name, if it runs. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.#send({ kind: 'signal', name, signal });
  }

  /** Kills what still runs, removes the directory and ends the guard. May be called again. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#guard.exitCode !== null || this.#guard.signalCode !== null) return;
    const ended = once(this.#guard, 'exit');
    if (this.#guard.connected) this.#guard.disconnect();
    await ended;
  }

  #send(command: GuardCommand): void {
    if (this.#guard.connected) this.#guard.send(command);
  }

  #receive(report: GuardReport): void {
    if (report.kind === 'ready') return;
    const entry = this.#entries.get(report.name);
    if (entry === undefined) return;
    if (report.kind === 'started') {
      entry.pid = report.pid;
      entry.started.resolve({ pid: report.pid, ended: entry.ended.promise });
      return;
    }
    this.#entries.delete(report.name);
    if (report.kind === 'failed') entry.started.reject(new Error(`${report.name}: ${report.message}`));
    else entry.ended.resolve({ exitCode: report.exitCode, signal: report.signal });
  }

  #guardEnded(): void {
    for (const [name, entry] of this.#entries) {
      // A guard that was itself killed could not do its work, so its owner does.
      if (!this.#isClosing && entry.pid > 0) killQuietly(entry.pid);
      entry.started.reject(new Error(`${name}: the control plane's guard process has ended`));
      entry.ended.resolve({ exitCode: null, signal: 'SIGKILL' });
    }
    this.#entries.clear();
    if (!this.#isClosing) void rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already, which is what was wanted.
  }
}
