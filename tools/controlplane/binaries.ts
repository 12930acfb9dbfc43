import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { buildBinaries } from './build.ts';
import { type BinaryName, binaryNames, cacheDefect, cacheRoot, publish, withLock } from './cache.ts';
import { download } from './download.ts';
import type { Progress } from './progress.ts';
import { kubernetesVersion } from './version.ts';

/** The path of each binary. */
export type Binaries = Record<BinaryName, string>;

/** Where to look for binaries and how to obtain them; tests give their own. */
export interface BinarySources {
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  /** `KUBEBUILDER_ASSETS` and `XDG_CACHE_HOME` are read; by default the process's own. */
  readonly env?: NodeJS.ProcessEnv;
  readonly download?: typeof download;
  readonly build?: typeof buildBinaries;
}

/**
 * Finds the binaries of the control plane, in this order: the directory named by `KUBEBUILDER_ASSETS`, the
 * cache, a download, a build with Go. What was downloaded or built is cached. Only a set is used, never a mix
 * of an assets directory and others: kube-controller-manager must not be newer than kube-apiserver.
 *
 * @throws when nothing works, with what to do about it; ChecksumError when a download was tampered with.
 */
export async function findBinaries(sources: BinarySources): Promise<Binaries> {
  const { progress, signal, env = process.env } = sources;
  const assets = env.KUBEBUILDER_ASSETS;
  if (assets) {
    const missing = await missingIn(assets);
    if (missing.length === 0) return within(assets);
    progress.say(`KUBEBUILDER_ASSETS (${assets}) is not used: it lacks ${missing.join(', ')}.`);
  }
  const directory = join(cacheRoot('controlplane', env), kubernetesVersion());
  if ((await cacheDefect(directory, binaryNames)) === undefined) return within(directory);
  const onWait = (owner: number): void => {
    progress.say(`Waiting for process ${owner}, which is obtaining the same binaries (${directory}.lock).`);
  };
  const obtain = async (): Promise<void> => {
    // Whoever held the lock before may have done the work.
    const defect = await cacheDefect(directory, binaryNames);
    if (defect === undefined) return;
    if ((await missingIn(directory)).length < binaryNames.length) {
      progress.say(`${directory} is not used: ${defect}.`);
    }
    await publish(directory, binaryNames, (staging) => fill(staging, sources));
  };
  await withLock(`${directory}.lock`, obtain, onWait, signal);
  return within(directory);
}

async function fill(staging: string, sources: BinarySources): Promise<void> {
  const { progress, signal } = sources;
  progress.step('downloading');
  const { obtained, problems } = await progress.track(() => (sources.download ?? download)(staging, signal));
  const missing = binaryNames.filter((name) => !obtained.includes(name));
  if (obtained.length > 0) progress.say(`Downloaded ${obtained.join(', ')}.`);
  if (problems.length > 0) progress.say(`No download (${problems.join('; ')}).`);
  if (missing.length > 0) await (sources.build ?? buildBinaries)(missing, staging, progress, signal);
}

function within(directory: string): Binaries {
  const path = (name: BinaryName): string => join(directory, name);
  return {
    etcd: path('etcd'),
    'kube-apiserver': path('kube-apiserver'),
    'kube-controller-manager': path('kube-controller-manager'),
  };
}

async function missingIn(directory: string): Promise<BinaryName[]> {
  const missing: BinaryName[] = [];
  for (const name of binaryNames) {
    await access(join(directory, name), constants.X_OK).catch(() => missing.push(name));
  }
  return missing;
}
