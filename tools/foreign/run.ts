/** Runs other people's programs. */
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

/** How a program is run. */
export interface RunOptions {
  readonly cwd?: string;
  /** On top of this process' own environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Keeps what it says to itself, unless it fails. */
  readonly quiet?: boolean;
  /** Ends it... */
  readonly signal?: AbortSignal | undefined;
  /** ... by this; by default SIGTERM. */
  readonly killSignal?: NodeJS.Signals;
}

/**
 * Runs a program to its end; what it says goes to standard error.
 *
 * @throws when it does not end well.
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<void> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.environment },
    stdio: options.quiet === true ? ['ignore', 'pipe', 'pipe'] : ['ignore', process.stderr, process.stderr],
    ...(options.killSignal ? { killSignal: options.killSignal } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => said.push(text));
  }
  const { promise, resolve, reject } = Promise.withResolvers<string | number | null>();
  child.once('error', reject);
  child.once('close', (code, signal) => resolve(code ?? signal));
  const end = await promise;
  if (end === 0) return;
  const last = said.join('').trimEnd().split('\n').slice(-20).join('\n');
  throw new Error(`${command} ${args.join(' ')} ended with ${end}\n${last}`.trimEnd());
}

/** What a program says on standard output, or undefined where it fails or is not there. */
export async function answer(command: string, ...args: string[]): Promise<string | undefined> {
  try {
    return (await promisify(execFile)(command, args, { timeout: 60_000 })).stdout.trim();
  } catch {
    return undefined;
  }
}

/**
 * {@link run} in namespaces of its own, and no longer than this process lives. What the program mounts and starts is gone when it has
 * ended, however it ended: a build that is interrupted, or whose owner is killed, leaves no mount behind.
 */
export async function runInNamespaces(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<void> {
  const namespaces = ['--mount', '--propagation=private', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const wrapped = ['--pdeathsig', 'KILL', '--', 'unshare', ...namespaces, command, ...args];
  // unshare holds other signals back until what it runs has ended, and takes that along with this one.
  await run('setpriv', wrapped, { ...options, killSignal: 'SIGKILL' });
}
