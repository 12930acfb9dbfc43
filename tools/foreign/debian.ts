/** Programs that come as packages of Debian. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { cacheRoot, withLock } from '../controlplane/cache.ts';
import { run } from './run.ts';

const execute = promisify(execFile);

/** Needs no answer from anybody, and waits for whoever else is installing. */
async function aptGet(
  command: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['-q', '-y', '-o', 'DPkg::Lock::Timeout=600', command, ...args], {
    environment,
    signal,
  });
}

/**
 * Makes sure that packages of Debian (or of what is made from it) are installed. Nothing is done, and nothing asked of the network,
 * when they are.
 *
 * @throws when they are missing and cannot be installed from here, with the command that installs them.
 */
export async function ensureDebianPackages(names: readonly string[], signal?: AbortSignal): Promise<void> {
  if ((await missingPackages(names)).length === 0) return;
  // One after the other: apt-get waits for dpkg's lock, but not for that of the lists.
  await withLock(
    `${cacheRoot('apt')}.lock`,
    async () => {
      const missing = await missingPackages(names);
      if (missing.length > 0) await install(missing, signal);
    },
    (owner) => console.error(`Waiting for process ${owner}, which is installing packages.`),
    signal,
  );
}

async function install(packages: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const byHand = `apt-get update && apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (process.getuid?.() !== 0) {
    throw new Error(`Missing: ${packages.join(', ')}. Only root may install packages:\n  ${byHand}`);
  }
  console.error(`Installing ${packages.join(', ')} ...`);
  try {
    await aptGet('update', [], signal);
    await aptGet('install', ['--no-install-recommends', ...packages], signal);
  } catch (error) {
    throw new Error(`${packages.join(', ')} could not be installed. By hand:\n  ${byHand}`, { cause: error });
  }
}

/** @throws where there is no dpkg, since packages can be neither found nor installed there. */
async function missingPackages(names: readonly string[]): Promise<readonly string[]> {
  const format = `\${Package} \${db:Status-Status}\\n`;
  const { stdout } = await execute('dpkg-query', ['--show', `--showformat=${format}`, ...names]).catch(
    (error: Error & { code?: unknown; stdout?: string }) => {
      if (error.code === 'ENOENT') {
        throw new Error(`Needed, and not to be installed from here without dpkg: ${names.join(', ')}.`, {
          cause: error,
        });
      }
      // It fails when it knows nothing of one of them, and tells of the others.
      return { stdout: error.stdout ?? '' };
    },
  );
  const installed = new Set(
    stdout.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.split(' ')[0]] : [])),
  );
  return names.filter((name) => !installed.has(name));
}
