/** Runs the operator as a process of its own, under its own ServiceAccount. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import packageJson from '../../package.json' with { type: 'json' };

/** Where the operator runs in a cluster; here it is the identity it runs under. */
export const operatorNamespace = 'security-baseline-system';
/** The name of its ServiceAccount. */
export const operatorServiceAccount = 'security-baseline-operator';

const main = new URL('../../src/main.ts', import.meta.url).pathname;
/** The flags of Node.js that `npm start` and the image give it; what they do is in docs/performance.md. */
export const nodeFlags: readonly string[] = packageJson.scripts.start
  .split(' ')
  .filter((word) => word.startsWith('--'));
/** Has the kernel kill what is run when its owner ends, however that ends: util-linux has it, on Linux. */
const setpriv = '/usr/bin/setpriv';
const diesWithOwner = existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL', '--'] : [];
const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;

/** A line of the operator's log. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** How the process is to be started. */
export interface OperatorProcessOptions {
  /** The kubeconfig of the operator's ServiceAccount; without one, it looks for what a pod has. */
  readonly kubeconfig?: string;
  /** What to run in place of the sources as they are: a program and its first arguments; it may be another version. */
  readonly command?: readonly [string, ...string[]];
  /** Further flags. */
  readonly flags?: readonly string[];
  /** On top of this process' own environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Keeps the log in this file. */
  readonly logFile?: string;
}

/**
 * A running operator. Stopped with its owner: it never outlives the process that started it, where the kernel can be told so even
 * if that is killed.
 */
export class OperatorProcess implements AsyncDisposable {
  /** `http://127.0.0.1:<port>`, where probes and metrics are served. */
  readonly probes: string;
  readonly #child: ChildProcess;
  readonly #lines: LogLine[];

  private constructor(child: ChildProcess, probes: string, lines: LogLine[]) {
    this.#child = child;
    this.probes = probes;
    this.#lines = lines;
  }

  /** Starts the operator; resolves once its probes are served. See {@link ready} for its caches. */
  static async start(options: OperatorProcessOptions): Promise<OperatorProcess> {
    const { kubeconfig, command = [process.execPath, ...nodeFlags, main], flags = [] } = options;
    const [program, ...args] = [
      ...diesWithOwner,
      ...command,
      ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
      ...['--probe-address', '127.0.0.1:0'],
      ...flags,
    ] as [string, ...string[]];
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...options.environment },
    });
    const killWithOwner = (): void => void child.kill('SIGKILL');
    process.once('exit', killWithOwner);
    child.once('exit', () => process.off('exit', killWithOwner));
    const lines: LogLine[] = [];
    const log =
      options.logFile === undefined ? undefined : createWriteStream(options.logFile, { flags: 'a' });
    const started = new Promise<number>((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (text) => {
        log?.write(`${text}\n`);
        const line = parseLine(text);
        lines.push(line);
        if (line.message === 'starting') resolve(Number(line.probePort));
      });
      child.once('exit', (code) => {
        log?.end();
        reject(
          new Error(
            `the operator ended with ${code}: ${lines
              .slice(-5)
              .map(({ message }) => message)
              .join('\n')}`,
          ),
        );
      });
    });
    const port = await Promise.race([started, sleep(startTimeoutMs, undefined, { ref: false })]);
    if (port === undefined) {
      child.kill('SIGKILL');
      throw new Error(`the operator has not started after ${startTimeoutMs} ms`);
    }
    started.catch(() => undefined);
    return new OperatorProcess(child, `http://127.0.0.1:${port}`, lines);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it has logged so far. */
  get log(): readonly LogLine[] {
    return this.#lines;
  }

  /** Resolves when /readyz says so: every cache has synced. */
  async ready(): Promise<this> {
    const deadline = Date.now() + startTimeoutMs;
    for (;;) {
      const response = await fetch(`${this.probes}/readyz`).catch(() => undefined);
      if (response?.ok) return this;
      if (this.#child.exitCode !== null) throw new Error('the operator has ended');
      if (Date.now() > deadline) throw new Error(`not ready: ${(await response?.text()) ?? 'no answer'}`);
      await sleep(25);
    }
  }

  /** Prometheus' text format. */
  async metrics(): Promise<string> {
    return await (await fetch(`${this.probes}/metrics`)).text();
  }

  /** Sends a signal, such as SIGKILL, SIGSTOP or SIGCONT. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when the process has ended, with its exit code or the signal that ended it. */
  async ended(): Promise<number | string | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
    return this.#child.exitCode ?? this.#child.signalCode;
  }

  /** Ends it as a pod is ended: SIGTERM, then SIGKILL. */
  async stop(): Promise<number | string | null> {
    this.#child.kill('SIGTERM');
    const patience = new AbortController();
    const overdue = sleep(stopTimeoutMs, undefined, { signal: patience.signal }).then(
      () => this.#child.kill('SIGKILL'),
      () => undefined,
    );
    const code = await this.ended();
    patience.abort();
    await overdue;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { level: 'raw', message: text };
  }
}
