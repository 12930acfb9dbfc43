import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { writeManifest } from '../../../../tools/controlplane/cache.ts';
import { Progress } from '../../../../tools/controlplane/progress.ts';
import { kubernetesVersion } from '../../../../tools/controlplane/version.ts';
import { GoTool } from '../../../../tools/foreign/go-tool.ts';
import { helm } from '../../../../tools/foreign/helm.ts';
import { kubectl } from '../../../../tools/foreign/kubectl.ts';

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'sbo-go-tool-test-'));
  vi.stubEnv('XDG_CACHE_HOME', cache);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(cache, { recursive: true, force: true });
});

/** As if it had been built. */
async function built(tool: GoTool): Promise<string> {
  const directory = join(cache, 'security-baseline-operator', tool.name, tool.version);
  const executable = join(directory, tool.name);
  await mkdir(directory, { recursive: true });
  await writeFile(executable, '#!/bin/sh\n');
  await chmod(executable, 0o755);
  await writeManifest(directory, [tool.name]);
  return executable;
}

test('a tool has the version of the module that its package is in', () => {
  expect(helm.version).toMatch(/^v4\.\d+\.\d+$/);
  expect(kubectl.version).toBe(`v${kubernetesVersion()}`);
});

test('a package that no required module holds is refused, naming the go.mod', () => {
  const wrong = { name: 'wrong', package: 'example.com/wrong', module: 'helm' };
  expect(() => new GoTool(wrong)).toThrow(/helm\/go.mod requires no module that holds example.com\/wrong/);
});

test('a tool that was not built is not built for a test: it says what builds it', async () => {
  await expect(helm.path()).rejects.toThrow(`helm ${helm.version} has not been built`);
  await expect(helm.path()).rejects.toThrow('run make foreign');
});

test('a tool that was built is not built again', async () => {
  const executable = await built(helm);
  const progress = new Progress({
    write: (text) => {
      throw new Error(text);
    },
  });
  expect(await helm.ensure({ progress })).toBe(executable);
  expect(await helm.path()).toBe(executable);
});

test('a tool that was damaged is not used', async () => {
  await writeFile(await built(helm), '#!/bin/sh\nexit 1\n');
  await expect(helm.path()).rejects.toThrow('helm differs from its checksum');
});
