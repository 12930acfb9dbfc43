import { spawn } from 'node:child_process';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Progress } from './progress.ts';

/** Programs to build with the machine's Go, all from one Go module that pins them. */
export interface GoBuild {
  /** Where go.mod and go.sum are: they pin what is built, with everything that goes into it. */
  readonly moduleDirectory: string;
  /** The main package of each executable, by the name that the executable is to have. */
  readonly packages: Readonly<Record<string, string>>;
  /** What is to be linked in, beside what strips the symbols: `-X` with a version, say. */
  readonly ldflags?: readonly string[];
  /** Said where there is no Go, beside how to install it: what else would do. */
  readonly otherwise?: string;
}

/**
 * Builds programs into a directory, from the module proxy; go.sum is the checksum. Minutes, but a few seconds when Go's
 * own build cache is warm.
 *
 * @throws when Go is missing or the build fails, with what to do about it.
 */
export async function buildWithGo(
  build: GoBuild,
  directory: string,
  progress: Progress,
  signal?: AbortSignal,
): Promise<void> {
  const targets = Object.values(build.packages);
  await progress.track(async () => {
    let modules = 0;
    let total = 0;
    progress.step('1/2 fetching modules');
    await go(build, ['list', '-deps', ...targets], signal, {
      onStdout: () => total++,
      onStderr: () => progress.step(`1/2 fetching modules: ${++modules}`),
    });

    let compiled = 0;
    progress.step(`2/2 compiling ${total} packages`);
    const ldflags = ['-s', '-w', ...(build.ldflags ?? [])].join(' ');
    await go(
      build,
      ['build', '-v', '-trimpath', '-ldflags', ldflags, '-o', `${directory}/`, ...targets],
      signal,
      {
        onStderr: () => progress.step(`2/2 compiling: ${++compiled} of about ${total} packages`),
      },
    );
  });
  for (const [name, target] of Object.entries(build.packages)) {
    await rename(join(directory, builtName(target)), join(directory, name));
  }
}

/** Go names an executable after the last part of its package's path that is no major version. */
function builtName(target: string): string {
  const parts = target.split('/').filter((part, index) => index === 0 || !/^v\d+$/.test(part));
  return parts.at(-1) ?? target;
}

interface LineHandlers {
  onStdout?: (line: string) => void;
  onStderr: (line: string) => void;
}

async function go(
  { moduleDirectory, otherwise }: GoBuild,
  args: readonly string[],
  signal: AbortSignal | undefined,
  handlers: LineHandlers,
): Promise<void> {
  const child = spawn('go', args, {
    cwd: moduleDirectory,
    // Without cgo the build needs no C compiler, and the result no particular C library.
    env: { ...process.env, CGO_ENABLED: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal ? { signal } : {}),
  });
  const lastLines: string[] = [];
  createInterface(child.stdout).on('line', (line) => handlers.onStdout?.(line));
  createInterface(child.stderr).on('line', (line) => {
    if (lastLines.push(line) > 15) lastLines.shift();
    handlers.onStderr(line);
  });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? new Error(goMissing(otherwise), { cause: error }) : error);
    });
    child.once('close', resolve);
  });
  if (exitCode !== 0) {
    throw new Error(`go ${args[0]} failed (exit code ${exitCode}):\n  ${lastLines.join('\n  ')}`);
  }
}

function goMissing(otherwise: string | undefined): string {
  return [
    'This has to be built, and there is no `go` on the PATH.',
    `Install Go 1.21 or newer (https://go.dev/dl; it fetches the version it needs itself)${otherwise === undefined ? '.' : ','}`,
    ...(otherwise === undefined ? [] : [otherwise]),
  ].join('\n');
}
