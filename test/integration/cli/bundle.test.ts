/** The one file that people install. */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { fixtures } from './shop-cluster.ts';

const execute = promisify(execFile);

test('runs from anywhere, with nothing beside it', async () => {
  await execute(process.execPath, ['tools/build-cli.ts']);
  const folder = await mkdtemp(join(tmpdir(), 'kubectl-baseline-'));
  try {
    const program = join(folder, 'kubectl-baseline');
    await copyFile('dist/kubectl-baseline', program);
    expect((await execute(process.execPath, [program, '--version'])).stdout).toBe(`${packageJson.version}\n`);
    const shop = ['--from-dir', `${fixtures}/shop.yaml`];
    const { stdout } = await execute(process.execPath, [
      program,
      'can-connect',
      'shop/web',
      'shop/db:postgres',
      ...shop,
    ]);
    expect(stdout).toMatch(/^yes: shop\/web => shop\/db:postgres\/TCP : TCP 5432\n/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
