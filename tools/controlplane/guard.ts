// A process of its own between a control plane's owner and its servers, so that nothing is left behind
// however the owner ends: the servers are children of the guard, the data directory is the guard's, and the
// kernel closes the channel to the owner even when the owner is killed with SIGKILL. Then the guard kills
// what runs, removes the directory and ends. See supervisor.ts for the owner's side.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the owner asks for. A `name` is the owner's word for a server; one name runs at most once. */
export type GuardCommand =
  | { kind: 'spawn'; name: string; command: string; args: readonly string[]; logPath: string }
  | { kind: 'signal'; name: string; signal: NodeJS.Signals };

/** What the guard tells. */
export type GuardReport =
  | { kind: 'ready'; directory: string }
  | { kind: 'started'; name: string; pid: number }
  | { kind: 'failed'; name: string; message: string }
  | { kind: 'exited'; name: string; exitCode: number | null; signal: NodeJS.Signals | null };

const directory = mkdtempSync(join(realpathSync(tmpdir()), 'sbo-controlplane-'));
const running = new Map<string, ChildProcess>();
let isEnding = false;

function report(message: GuardReport): void {
  // The owner may have gone between two messages; 'disconnect' then does what is to be done.
  if (process.connected) process.send?.(message, () => {});
}

function start(command: Extract<GuardCommand, { kind: 'spawn' }>): void {
  const { name } = command;
  const log = openSync(command.logPath, 'a', 0o600);
  const child = spawn(command.command, command.args, {
    cwd: directory,
    // Nothing of the user's environment: etcd reads ETCD_*, Go's HTTP clients read proxies.
    env: { PATH: process.env.PATH, HOME: directory, TMPDIR: directory },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.once('error', (error) => report({ kind: 'failed', name, message: error.message }));
  child.once('spawn', () => {
    running.set(name, child);
    report({ kind: 'started', name, pid: child.pid ?? 0 });
    if (isEnding) child.kill('SIGKILL');
  });
  child.once('exit', (exitCode, signal) => {
    running.delete(name);
    report({ kind: 'exited', name, exitCode, signal });
    if (isEnding) endWhenAlone();
  });
}

function end(): void {
  if (isEnding) return;
  isEnding = true;
  for (const child of running.values()) child.kill('SIGKILL');
  endWhenAlone();
}

function endWhenAlone(): void {
  if (running.size > 0) return;
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}

process.on('disconnect', end);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
process.on('message', (command: GuardCommand) => {
  if (command.kind === 'spawn') start(command);
  else running.get(command.name)?.kill(command.signal);
});
report({ kind: 'ready', directory });
