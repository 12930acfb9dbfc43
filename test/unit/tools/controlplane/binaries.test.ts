import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findBinaries } from '../../../../tools/controlplane/binaries.ts';
import { type BinaryName, binaryNames, writeManifest } from '../../../../tools/controlplane/cache.ts';
import { Progress } from '../../../../tools/controlplane/progress.ts';
import { kubernetesVersion } from '../../../../tools/controlplane/version.ts';

let root: string;
let cache: string;
let said: string;
let calls: string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sbo-binaries-test-'));
  cache = join(root, 'security-baseline-operator', 'controlplane', kubernetesVersion());
  said = '';
  calls = [];
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(directory: string, names: readonly BinaryName[] = binaryNames): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const name of names) {
    await writeFile(join(directory, name), `#!/bin/sh\n# ${name}\n`);
    await chmod(join(directory, name), 0o755);
  }
}

/** Looks for binaries where the download yields the given ones and the build makes whatever it is asked for. */
async function find(downloadable: readonly BinaryName[] = [], env: NodeJS.ProcessEnv = {}) {
  return await findBinaries({
    env: { XDG_CACHE_HOME: root, ...env },
    progress: new Progress({ write: (text) => (said += text) }),
    download: async (directory) => {
      calls.push('download');
      await put(directory, downloadable);
      return { obtained: downloadable, problems: downloadable.length > 0 ? [] : ['no network'] };
    },
    build: async (names, directory) => {
      calls.push(`build ${names.join(' ')}`);
      await put(directory, names);
    },
  });
}

describe('where binaries are looked for', () => {
  test('an assets directory with all three comes before the cache', async () => {
    const assets = join(root, 'assets');
    await put(assets);
    await put(cache);
    await writeManifest(cache, binaryNames);
    const binaries = await find([], { KUBEBUILDER_ASSETS: assets });
    expect(binaries.etcd).toBe(join(assets, 'etcd'));
    expect(calls).toEqual([]);
  });

  test('an assets directory that lacks one is not mixed with others, and that is said', async () => {
    const assets = join(root, 'assets');
    await put(assets, ['etcd', 'kube-apiserver']);
    await put(cache);
    await writeManifest(cache, binaryNames);
    const binaries = await find([], { KUBEBUILDER_ASSETS: assets });
    expect(Object.values(binaries)).toEqual(binaryNames.map((name) => join(cache, name)));
    expect(said).toContain('it lacks kube-controller-manager');
  });

  test('a complete cache comes before a download', async () => {
    await put(cache);
    await writeManifest(cache, binaryNames);
    await find(binaryNames);
    expect(calls).toEqual([]);
  });

  test('a download comes before a build', async () => {
    await find(binaryNames);
    expect(calls).toEqual(['download']);
  });

  test('what cannot be downloaded is built, and why is said', async () => {
    await find([]);
    expect(calls).toEqual(['download', `build ${binaryNames.join(' ')}`]);
    expect(said).toContain('No download (no network).');
  });

  test('only what the download lacks is built', async () => {
    await find(['etcd', 'kube-apiserver']);
    expect(calls).toEqual(['download', 'build kube-controller-manager']);
  });
});

describe('the cache', () => {
  test('keeps what was obtained and nothing else', async () => {
    await find();
    expect((await readdir(join(cache, '..'))).sort()).toEqual([kubernetesVersion()]);
    expect((await readdir(cache)).sort()).toEqual([...binaryNames, 'manifest.json']);
    calls = [];
    await find();
    expect(calls).toEqual([]);
  });

  test('is not used when a binary is missing', async () => {
    await put(cache);
    await writeManifest(cache, binaryNames);
    await rm(join(cache, 'kube-apiserver'));
    await find(binaryNames);
    expect(calls).toEqual(['download']);
    expect(said).toContain('kube-apiserver is missing');
  });

  test('is not used when its manifest is missing', async () => {
    await put(cache);
    await find(binaryNames);
    expect(calls).toEqual(['download']);
    expect(said).toContain('no readable manifest');
  });

  test('is not used when a binary was altered', async () => {
    await put(cache);
    await writeManifest(cache, binaryNames);
    await writeFile(join(cache, 'etcd'), 'damaged');
    await find(binaryNames);
    expect(calls).toEqual(['download']);
    expect(said).toContain('etcd differs from its checksum');
  });

  test('is used when only the time of a binary changed, as when a CI cache was restored', async () => {
    await put(cache);
    await writeManifest(cache, binaryNames);
    await utimes(join(cache, 'etcd'), 1_700_000_000, 1_700_000_000);
    await find(binaryNames);
    expect(calls).toEqual([]);
  });

  test('holds nothing after a failed build, nor after a killed one that is tried again', async () => {
    const progress = new Progress({ write: () => {} });
    const download = async () => ({ obtained: [], problems: [] });
    const build = async () => {
      throw new Error('compiler on strike');
    };
    const env = { XDG_CACHE_HOME: root };
    await expect(findBinaries({ env, progress, download, build })).rejects.toThrow('compiler on strike');
    expect(await readdir(join(cache, '..'))).toEqual([]);
    await mkdir(`${cache}.partial-killed`);
    await find();
    expect(await readdir(join(cache, '..'))).toEqual([kubernetesVersion()]);
  });

  test('is filled once when two ask for it at once', async () => {
    await Promise.all([find(), find()]);
    expect(calls.filter((call) => call === 'download')).toHaveLength(1);
    expect(said).toContain(`Waiting for process ${process.pid}`);
  });

  test('is not blocked by the lock of a process that is gone', async () => {
    await mkdir(join(cache, '..'), { recursive: true });
    // Beyond any system's highest process id, and within what kill(2) accepts.
    await writeFile(`${cache}.lock`, '2147483646\n');
    await find();
    expect(calls).toContain('download');
  });
});
