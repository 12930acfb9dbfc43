/** What is in the image, and what is not. */
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { buildImage } from '../../tools/image/build.ts';
import { componentsOf } from '../../tools/image/components.ts';
import { OciArchive } from '../../tools/image/oci-archive.ts';
import { imageUnderTest, timestamp } from './image-under-test.ts';

const user = 65532;
/** What is in it is in docs/guides/releases.md; more is a mistake. Bytes. */
const bounds = { files: 140e6, compressed: 55e6 };

let archive: string;
let image: OciArchive;
let rootfs: string;

beforeAll(async () => {
  archive = await imageUnderTest();
  image = await OciArchive.open(archive);
  rootfs = await mkdtemp(join(tmpdir(), 'sbo-rootfs-'));
  await image.unpack(rootfs);
});
afterAll(async () => {
  await image?.[Symbol.asyncDispose]();
  if (rootfs !== undefined) await rm(rootfs, { recursive: true, force: true });
});

/** All that is in the image, with its path there. */
function entries(): readonly { path: string; stats: Stats }[] {
  return readdirSync(rootfs, { recursive: true, encoding: 'utf8' }).map((path) => ({
    path: `/${path}`,
    stats: lstatSync(join(rootfs, path)),
  }));
}

describe('the image', () => {
  test('holds Node.js, what it loads, two programs, licences, and nothing else', () => {
    const files = entries().filter(({ stats }) => !stats.isDirectory());
    const others = files
      .map(({ path }) => path)
      .filter((path) => !/^\/(lib|lib64|usr\/lib)\/.*\.so(\.[0-9]+)*$/.test(path))
      .filter((path) => !/^\/(usr\/share\/doc|var\/lib\/dpkg\/status\.d)\//.test(path));
    expect(others.sort()).toEqual([
      '/app/kubectl-baseline',
      '/app/security-baseline-operator.mjs',
      '/etc/group',
      '/etc/nsswitch.conf',
      '/etc/passwd',
      '/usr/local/bin/node',
    ]);
  });

  test('has no shell, no package manager and no npm: one program can be executed', () => {
    const programs = entries().filter(({ path, stats }) => stats.isFile() && isProgram(path, stats));
    expect(programs.map(({ path }) => path)).toEqual(['/usr/local/bin/node']);
  });

  test('gives nobody the rights of somebody else', () => {
    const special = entries().filter(({ stats }) => (stats.mode & 0o6000) !== 0);
    expect(special.map(({ path }) => path)).toEqual([]);
  });

  test('holds nothing that its user could change', () => {
    const changeable = entries().filter(
      ({ stats }) => stats.uid === user || stats.gid === user || (stats.mode & 0o022) !== 0,
    );
    expect(changeable.map(({ path }) => path)).toEqual([]);
  });

  test('runs as a number that is not root', () => {
    expect(image.config.config.User).toBe(`${user}:${user}`);
  });

  test('starts the operator with the flags of `npm start`', () => {
    const { Entrypoint = [], Cmd } = image.config.config;
    const [program, ...rest] = Entrypoint;
    expect(program).toBe('/usr/local/bin/node');
    expect(rest.at(-1)).toBe('/app/security-baseline-operator.mjs');
    const flags = packageJson.scripts.start.split(' ').filter((word) => word.startsWith('--'));
    expect(rest).toEqual(expect.arrayContaining(flags));
    expect(Cmd ?? []).toEqual([]);
  });

  test('says what it is, and the version of package.json', () => {
    expect(image.config.config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'Security Baseline operator',
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': packageJson.version,
    });
  });

  test('runs on the Node.js that the tests run on', async () => {
    const components = await componentsOf(rootfs);
    expect(components[0]).toMatchObject({ name: 'node', version: packageJson.devDependencies.node });
    expect(process.versions.node).toBe(packageJson.devDependencies.node);
    expect(await readFile('Dockerfile', 'utf8')).toContain(
      `ARG BUILD_IMAGE=node:${packageJson.devDependencies.node}\n`,
    );
  });

  test('brings the licence of all that is in it', async () => {
    const doc = (path: string): Promise<string> => readFile(join(rootfs, 'usr/share/doc', path), 'utf8');
    expect(await doc('security-baseline-operator/LICENSE')).toContain('Apache License');
    expect(await doc('nodejs/LICENSE')).toContain('Node.js is licensed for use as follows');
    const licences = await doc('security-baseline-operator/security-baseline-operator.mjs.licences.txt');
    // Each of these is bundled: those that the operator names, and those that they bring.
    for (const name of ['@kubernetes/client-node', '@dot-i/k8s-operator', 'undici', 'winston', 'logform']) {
      expect(licences).toMatch(new RegExp(`^${name} [0-9.]+ \\(`, 'm'));
    }
    for (const { name } of (await componentsOf(rootfs)).slice(1)) {
      expect(await doc(`${name}/copyright`)).toMatch(/licen[cs]e/i);
    }
  });

  test('is small', async () => {
    const bytes = entries().reduce((sum, { stats }) => sum + (stats.isFile() ? stats.size : 0), 0);
    const compressed = await image.compressedBytes();
    console.log(
      `the image: ${(bytes / 1e6).toFixed(1)} MB of files, ${(compressed / 1e6).toFixed(1)} MB as it is stored`,
    );
    expect(bytes).toBeLessThan(bounds.files);
    expect(compressed).toBeLessThan(bounds.compressed);
  });

  test('is the same, byte by byte, when it is built again', async () => {
    const again = join(tmpdir(), `sbo-image-again-${process.pid}.oci.tar`);
    try {
      await buildImage({ archive: again, timestamp, buildImage: process.env.BUILD_IMAGE || undefined });
      expect((await readFile(again)).equals(await readFile(archive))).toBe(true);
    } finally {
      await rm(again, { force: true });
    }
  });
});

/** Executable, and no library. (What loads programs is a library that can be executed.) */
function isProgram(path: string, stats: Stats): boolean {
  return (stats.mode & 0o111) !== 0 && !/\.so(\.[0-9]+)*$/.test(path);
}
