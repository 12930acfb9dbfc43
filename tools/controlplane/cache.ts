import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** The executables that make a control plane. */
export const binaryNames = ['etcd', 'kube-apiserver', 'kube-controller-manager'] as const;
export type BinaryName = (typeof binaryNames)[number];

interface ManifestEntry {
  readonly sha256: string;
  readonly bytes: number;
  /** Whole seconds since the epoch: archives, which CI caches are made of, keep no more. */
  readonly modifiedSeconds: number;
}
type Manifest = Readonly<Record<string, ManifestEntry>>;

const manifestName = 'manifest.json';
const lockRetryIntervalMs = 500;

/** Where executables are kept between runs: `$XDG_CACHE_HOME` or `~/.cache`, then our name, then theirs. */
export function cacheRoot(tool: string, env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'security-baseline-operator', tool);
}

/**
 * Why a cached directory cannot be used, or undefined when it can: each of the named executables is there and is, by its
 * SHA-256, what was put there. Hashing 230 MB takes more than a second on a small machine, so a binary whose
 * size and modification time are as recorded is taken as unchanged; only the others are hashed again. This
 * guards against damage, not against somebody who can write to the user's cache.
 */
export async function cacheDefect(directory: string, names: readonly string[]): Promise<string | undefined> {
  const manifest = await readManifest(directory);
  if (manifest === undefined) return 'it has no readable manifest';
  for (const name of names) {
    const file = join(directory, name);
    const found = await stat(file).catch(() => undefined);
    if (found === undefined) return `${name} is missing`;
    const recorded = manifest[name];
    if (recorded === undefined) return `${name} is not in its manifest`;
    const untouched =
      found.size === recorded.bytes && Math.floor(found.mtimeMs / 1000) === recorded.modifiedSeconds;
    if (!untouched && (await sha256(file)) !== recorded.sha256) return `${name} differs from its checksum`;
  }
  return undefined;
}

/**
 * Fills a staging directory beside `directory` with the named executables and renames it into place, so that a
 * directory by the final name is never a half-written one.
 */
export async function publish(
  directory: string,
  names: readonly string[],
  fill: (staging: string) => Promise<void>,
): Promise<void> {
  const parent = dirname(directory);
  const prefix = `${basename(directory)}.partial-`;
  await mkdir(parent, { recursive: true });
  // The caller holds the lock, so whatever is left here was left by a process that was killed.
  for (const leftover of await readdir(parent)) {
    if (leftover.startsWith(prefix)) await rm(join(parent, leftover), { recursive: true, force: true });
  }
  const staging = await mkdtemp(join(parent, prefix));
  try {
    await fill(staging);
    await writeManifest(staging, names);
    await rm(directory, { recursive: true, force: true });
    await rename(staging, directory);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/**
 * Runs the work while no other process does so under the same lock. A lock whose owner is gone is taken
 * over; should two processes do that at the same instant, both work, which costs time and harms nothing.
 *
 * @param onWait told once, with the owner's process id, when somebody else is at work.
 */
export async function withLock<Result>(
  path: string,
  work: () => Promise<Result>,
  onWait: (ownerPid: number) => void,
  signal?: AbortSignal,
): Promise<Result> {
  await mkdir(dirname(path), { recursive: true });
  // Linking a file that already has its content makes the lock and its owner appear in one step.
  const claim = `${path}.${randomUUID()}`;
  await writeFile(claim, `${process.pid}\n`);
  try {
    for (let told = false; !(await tryLink(claim, path)); ) {
      const owner = Number(await readFile(path, 'utf8').catch(() => ''));
      if (owner > 0 && !isAlive(owner)) await rm(path, { force: true });
      else {
        if (!told) onWait(owner);
        told = true;
        await sleep(lockRetryIntervalMs, undefined, signal ? { signal } : {});
      }
    }
  } finally {
    await rm(claim, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function tryLink(claim: string, path: string): Promise<boolean> {
  try {
    await link(claim, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function readManifest(directory: string): Promise<Manifest | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, manifestName), 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}

/** Records the named executables of a directory as they are now. */
export async function writeManifest(directory: string, names: readonly string[]): Promise<void> {
  const entries: Record<string, ManifestEntry> = {};
  for (const name of names) {
    const file = join(directory, name);
    const { size, mtimeMs } = await stat(file);
    entries[name] = {
      sha256: await sha256(file),
      bytes: size,
      modifiedSeconds: Math.floor(mtimeMs / 1000),
    };
  }
  await writeFile(join(directory, manifestName), `${JSON.stringify(entries, undefined, 2)}\n`);
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
