/** The image that the packaging tests try: built from the checkout as it is, once for the same sources. */
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { buildImage } from '../../tools/image/build.ts';

const root = join(import.meta.dirname, '../..');
const folder = join(root, '.tmp/image');

/** The time that it says it was made at, in seconds since the epoch: any will do, if it is always the same. */
export const timestamp = 1_700_000_000;

/** All that the image is made of, as .dockerignore and the Dockerfile say, and what builds it. */
const sources = [
  'Dockerfile',
  '.dockerignore',
  'package.json',
  'package-lock.json',
  '.npmrc',
  'LICENSE',
  'src/**',
  'tools/build-*.ts',
  'tools/bundle/**',
  'tools/image/**',
];

/**
 * The image's OCI archive.
 *
 * @throws when it cannot be built here, saying what is needed.
 */
export async function imageUnderTest(): Promise<string> {
  const archive = join(folder, `${packageJson.name}-${hashOfSources()}.oci.tar`);
  if (existsSync(archive)) return archive;
  for (const old of await readdir(folder).catch(() => [])) await rm(join(folder, old), { force: true });
  await buildImage({ archive, timestamp, buildImage: process.env.BUILD_IMAGE || undefined });
  return archive;
}

function hashOfSources(): string {
  const hash = createHash('sha256');
  const files = sources.flatMap((pattern) => globSync(pattern, { cwd: root, withFileTypes: true }));
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  for (const path of paths.sort())
    hash.update(path.slice(root.length)).update('\0').update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
}
