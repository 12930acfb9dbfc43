import { spawn } from 'node:child_process';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { BinaryName } from './cache.ts';
import type { Progress } from './progress.ts';
import { buildModuleDirectory, kubernetesVersion } from './version.ts';

const packages: Record<BinaryName, string> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
};

/** Go names an executable after its package path, and etcd's ends in `server/v3`. */
const builtNames: Record<BinaryName, string> = {
  etcd: 'server',
  'kube-apiserver': 'kube-apiserver',
  'kube-controller-manager': 'kube-controller-manager',
};

/**
 * Builds the named binaries into a directory with the machine's Go, from the module proxy; go.sum is the
 * checksum. About five minutes on two cores, a few seconds when Go's own build cache is warm.
 *
 * @throws when Go is missing or the build fails, with what to do about it.
 */
export async function buildWithGo(
  names: readonly BinaryName[],
  directory: string,
  progress: Progress,
  signal?: AbortSignal,
): Promise<void> {
  const version = kubernetesVersion();
  const targets = names.map((name) => packages[name]);
  progress.say(`Building ${names.join(', ')}\n${version} with Go: about five minutes, once.`);
  await progress.track(async () => {
    let modules = 0;
    let total = 0;
    progress.step('1/2 fetching modules');
    await go(['list', '-deps', ...targets], signal, {
      onStdout: () => total++,
      onStderr: () => progress.step(`1/2 fetching modules: ${++modules}`),
    });

    let compiled = 0;
    progress.step(`2/2 compiling ${total} packages`);
    const [major, minor] = version.split('.');
    const stamp = 'k8s.io/component-base/version';
    // An API server that does not know its version serves v0.0.0, and clients that check it refuse it.
    const ldflags = `-s -w -X ${stamp}.gitVersion=v${version} -X ${stamp}.gitMajor=${major} -X ${stamp}.gitMinor=${minor}`;
    await go(['build', '-v', '-trimpath', '-ldflags', ldflags, '-o', `${directory}/`, ...targets], signal, {
      onStderr: () => progress.step(`2/2 compiling: ${++compiled} of about ${total} packages`),
    });
  });
  for (const name of names) await rename(join(directory, builtNames[name]), join(directory, name));
}

interface LineHandlers {
  onStdout?: (line: string) => void;
  onStderr: (line: string) => void;
}

async function go(
  args: readonly string[],
  signal: AbortSignal | undefined,
  handlers: LineHandlers,
): Promise<void> {
  const child = spawn('go', args, {
    cwd: buildModuleDirectory,
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
      reject(error.code === 'ENOENT' ? new Error(goMissing, { cause: error }) : error);
    });
    child.once('close', resolve);
  });
  if (exitCode !== 0) {
    throw new Error(`go ${args[0]} failed (exit code ${exitCode}):\n  ${lastLines.join('\n  ')}`);
  }
}

const goMissing = [
  'The control plane has to be built, and there is no `go` on the PATH.',
  'Install Go 1.21 or newer (https://go.dev/dl; it fetches the version it needs itself),',
  'or point KUBEBUILDER_ASSETS at a directory that holds etcd, kube-apiserver and',
  'kube-controller-manager.',
].join('\n');
