/**
 * Prometheus and promtool, out of Debian's package. It is unpacked and not installed: installing it would start a server on every
 * machine that runs the tests.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDefect, cacheRoot, publish, withLock } from '../controlplane/cache.ts';

const execute = promisify(execFile);
const programs = ['prometheus', 'promtool'] as const;
type Program = (typeof programs)[number];

const directory = join(cacheRoot('prometheus'), 'debian');
const byHand = 'apt-get update && apt-get download prometheus';

/**
 * Unpacks them into the cache, unless they are there.
 *
 * @throws where Debian's package cannot be had, with the command that gets it.
 */
export async function ensurePrometheus(signal?: AbortSignal): Promise<void> {
  if ((await cacheDefect(directory, programs)) === undefined) return;
  // apt-get's lists can be brought up to date by one process at a time: tools/foreign/debian.ts holds the same lock.
  await withLock(
    `${cacheRoot('apt')}.lock`,
    async () => {
      if ((await cacheDefect(directory, programs)) !== undefined) await obtain(signal);
    },
    (owner) => console.error(`Waiting for process ${owner}, which is installing packages.`),
    signal,
  );
}

/**
 * The path of one of them, for a test: nothing is obtained.
 *
 * @throws where it is not there, naming the make target that gets it.
 */
export async function prometheusProgram(name: Program): Promise<string> {
  const defect = await cacheDefect(directory, programs);
  if (defect === undefined) return join(directory, name);
  throw new Error(`${name} is not there (${defect}): run make foreign`);
}

async function obtain(signal: AbortSignal | undefined): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
  const options = { cwd: folder, ...(signal && { signal }) };
  try {
    await download(options);
    const [archive] = await readdir(folder);
    if (archive === undefined) throw new Error('apt-get download left nothing');
    await execute('dpkg-deb', ['--extract', archive, 'unpacked'], options);
    await publish(directory, programs, async (staging) => {
      for (const program of programs)
        await copyFile(join(folder, 'unpacked/usr/bin', program), join(staging, program));
    });
  } catch (error) {
    throw new Error(`Debian's package prometheus could not be had. By hand:\n  ${byHand}`, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Downloading takes no root; bringing the lists of packages up to date does, and a new machine has none. */
async function download(options: { readonly cwd: string }): Promise<void> {
  try {
    await execute('apt-get', ['-q', 'download', 'prometheus'], options);
  } catch (error) {
    if (process.getuid?.() !== 0) throw error;
    await execute('apt-get', ['-q', 'update'], options);
    await execute('apt-get', ['-q', 'download', 'prometheus'], options);
  }
}
