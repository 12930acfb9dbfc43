import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EnvHttpProxyAgent, fetch, type Response } from 'undici';
import { parse } from 'yaml';
import type { BinaryName } from './cache.ts';
import { kubernetesVersion } from './version.ts';

/** Fetches a URL; a seam for tests. */
export type Fetch = (url: string, signal?: AbortSignal) => Promise<Response>;

/** The index that setup-envtest reads too: archives and their SHA-512 by Kubernetes version. */
const envtestIndex =
  'https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml';
/** The Kubernetes project's own releases: server binaries, for Linux only. */
const kubernetesReleases = 'https://dl.k8s.io';

const connectTimeoutMs = 3000;
const idleTimeoutMs = 20_000;

/** What was downloaded is not what was published. Never worked around: somebody should look. */
export class ChecksumError extends Error {
  constructor(url: string, expected: string, found: string) {
    super(
      `${url} does not have its published checksum, so it is not used.\n` +
        `  expected sha512 ${expected}\n  found    sha512 ${found}\n` +
        'Try again; if it stays so, a proxy alters downloads or the file was replaced.',
    );
    this.name = 'ChecksumError';
  }
}

/** What {@link download} could get, and in a line each why it could not get the rest. */
export interface DownloadResult {
  readonly obtained: readonly BinaryName[];
  readonly problems: readonly string[];
}

/**
 * Downloads what is published for this machine: etcd and kube-apiserver from the envtest archive, which does
 * not hold kube-controller-manager; that one from the Kubernetes release, which has it for Linux only. The
 * checksums come from the publishers over TLS, so they detect damage, not a publisher gone bad. A source
 * that cannot be reached within three seconds is given up.
 *
 * @throws ChecksumError when a download is not what its publisher says.
 */
export async function download(
  directory: string,
  signal?: AbortSignal,
  get: Fetch = fetchWithTimeouts,
): Promise<DownloadResult> {
  const sources: [BinaryName[], Promise<void>][] = [
    [['etcd', 'kube-apiserver'], downloadEnvtest(directory, get, signal)],
  ];
  if (process.platform === 'linux') {
    sources.push([['kube-controller-manager'], downloadControllerManager(directory, get, signal)]);
  }
  const outcomes = await Promise.allSettled(sources.map(([, done]) => done));
  const obtained: BinaryName[] = [];
  const problems: string[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') obtained.push(...(sources[index]?.[0] ?? []));
    else if (outcome.reason instanceof ChecksumError) throw outcome.reason;
    else problems.push(reasonOf(outcome.reason));
  }
  signal?.throwIfAborted();
  return { obtained, problems };
}

async function downloadEnvtest(directory: string, get: Fetch, signal?: AbortSignal): Promise<void> {
  const version = `v${kubernetesVersion()}`;
  const archiveName = `envtest-${version}-${process.platform}-${goArchitecture()}.tar.gz`;
  const index = parse((await body(get, envtestIndex, signal)).toString()) as EnvtestIndex | null;
  const archive = index?.releases?.[version]?.[archiveName];
  if (archive === undefined) throw new Error(`there is no ${archiveName} in the envtest index`);
  const content = await body(get, archive.selfLink, signal);
  verify(archive.selfLink, content, archive.hash);
  const scratch = await mkdtemp(join(tmpdir(), 'sbo-envtest-'));
  try {
    await writeFile(join(scratch, archiveName), content);
    await extract(join(scratch, archiveName), scratch);
    for (const name of ['etcd', 'kube-apiserver']) {
      await copyFile(join(scratch, 'controller-tools', 'envtest', name), join(directory, name));
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

interface EnvtestIndex {
  releases?: Record<string, Record<string, { hash: string; selfLink: string }>>;
}

async function downloadControllerManager(directory: string, get: Fetch, signal?: AbortSignal): Promise<void> {
  const name = 'kube-controller-manager';
  const url = `${kubernetesReleases}/v${kubernetesVersion()}/bin/linux/${goArchitecture()}/${name}`;
  const expected = (await body(get, `${url}.sha512`, signal)).toString().trim();
  const content = await body(get, url, signal);
  verify(url, content, expected);
  await writeFile(join(directory, name), content);
  await chmod(join(directory, name), 0o755);
}

function verify(url: string, content: Buffer, expected: string): void {
  const found = createHash('sha512').update(content).digest('hex');
  if (found !== expected) throw new ChecksumError(url, expected, found);
}

async function body(get: Fetch, url: string, signal?: AbortSignal): Promise<Buffer> {
  const response = await get(url, signal);
  if (!response.ok) throw new Error(`${new URL(url).host} answered ${response.status} for ${url}`);
  return Buffer.from(await response.arrayBuffer());
}

async function fetchWithTimeouts(url: string, signal?: AbortSignal): Promise<Response> {
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: connectTimeoutMs },
    headersTimeout: idleTimeoutMs,
    bodyTimeout: idleTimeoutMs,
  });
  try {
    return await fetch(url, { dispatcher, ...(signal ? { signal } : {}) });
  } catch (error) {
    // undici says `fetch failed`; the code below it says why, also where several addresses were tried.
    const { cause } = error as { cause?: NodeJS.ErrnoException };
    throw new Error(`${new URL(url).host}: ${cause?.code ?? reasonOf(cause ?? error)}`, { cause: error });
  }
}

/** `tar` is part of every Linux distribution's base and of macOS. */
async function extract(archive: string, directory: string): Promise<void> {
  const tar = spawn('tar', ['-xzf', archive, '-C', directory], { stdio: 'ignore' });
  const [exitCode] = await once(tar, 'close');
  if (exitCode !== 0) throw new Error(`tar could not read ${archive} (exit code ${String(exitCode)})`);
}

function goArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

function reasonOf(reason: unknown): string {
  return reason instanceof Error ? (reason.message.split('\n')[0] ?? reason.name) : String(reason);
}
