/** What `make release` makes. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import packageLock from '../../package-lock.json' with { type: 'json' };
import { helm } from '../../tools/foreign/helm.ts';
import { assembleRelease } from '../../tools/release/release.ts';
import { setVersion, versionAt, versionPlaces } from '../../tools/release/version.ts';
import { imageUnderTest, timestamp } from './image-under-test.ts';

const execute = promisify(execFile);

const { version } = packageJson;
const name = 'security-baseline-operator';

let folder: string;
let release: string;
let files: readonly string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sbo-release-'));
  release = join(folder, version);
  files = await assembleRelease({ directory: release, image: await imageUnderTest(), timestamp });
});
afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

/** The image of the Deployment in a file of manifests. */
async function imageIn(path: string): Promise<string | undefined> {
  const objects = parseAllDocuments(await readFile(path, 'utf8')).map((document) => document.toJS());
  const deployment = objects.find(({ kind }) => kind === 'Deployment');
  return deployment?.spec.template.spec.containers[0].image;
}

/** Unpacks an archive of the release into a new folder. */
async function unpacked(archive: string): Promise<string> {
  const target = await mkdtemp(join(folder, 'unpacked-'));
  await execute('tar', ['--extract', '--gzip', '--file', archive, '--directory', target]);
  return target;
}

describe('a release', () => {
  test('is an image, manifests, a chart, the command line, a list of what is inside, and checksums', () => {
    expect(files).toEqual([
      'SHA256SUMS',
      'install-ha.yaml',
      'install-monitoring.yaml',
      'install-with-admission.yaml',
      'install.yaml',
      `kubectl-baseline-${version}.tar.gz`,
      `${name}-${version}-image.oci.tar`,
      `${name}-${version}-sbom.cdx.json`,
      `${name}-${version}.tgz`,
    ]);
  });

  test('has a checksum of each file, in the form that sha256sum checks', async () => {
    const { stdout } = await execute('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: release });
    expect(stdout.match(/: OK$/gm)).toHaveLength(files.length - 1);
  });

  test('is the same, byte by byte, when it is made again', async () => {
    const again = join(folder, 'again');
    await assembleRelease({ directory: again, image: await imageUnderTest(), timestamp });
    const checksums = (directory: string) => readFile(join(directory, 'SHA256SUMS'), 'utf8');
    expect(await checksums(again)).toBe(await checksums(release));
  });

  test('installs the image of its version, from where clusters can pull it', async () => {
    expect(await imageIn(join(release, 'install.yaml'))).toBe(`${name}:${version}`);
    const pushed = join(folder, 'pushed');
    const imageRepository = 'registry.example.com/platform/sbo';
    await assembleRelease({ directory: pushed, image: await imageUnderTest(), imageRepository, timestamp });
    for (const file of files.filter((file) => file.startsWith('install'))) {
      expect(await imageIn(join(pushed, file))).toBe(`${imageRepository}:${version}`);
    }
    const chart = await unpacked(join(pushed, `${name}-${version}.tgz`));
    const [values] = parseAllDocuments(await readFile(join(chart, name, 'values.yaml'), 'utf8'));
    expect(values?.getIn(['image', 'repository'])).toBe(imageRepository);
  });

  test('has a chart that Helm takes as it is', async () => {
    const chart = join(release, `${name}-${version}.tgz`);
    const { stdout } = await execute(await helm.path(), ['show', 'chart', chart]);
    expect(stdout).toContain(`\nversion: ${version}\n`);
    const rendered = await execute(await helm.path(), ['template', name, chart], { maxBuffer: 64 << 20 });
    expect(rendered.stdout).toContain(`image: ${name}:${version}\n`);
  });

  test('has a command line that runs by itself, with its licences', async () => {
    const target = join(
      await unpacked(join(release, `kubectl-baseline-${version}.tar.gz`)),
      `kubectl-baseline-${version}`,
    );
    const program = join(target, 'kubectl-baseline');
    // Nothing else in PATH: as on a machine that has Node.js.
    const env = { PATH: dirname(process.execPath) };
    const { stdout } = await execute(program, ['--version'], { env });
    expect(stdout).toBe(`${version}\n`);
    expect(await readFile(join(target, 'LICENSE'), 'utf8')).toContain('Apache License');
    expect(await readFile(join(target, 'kubectl-baseline.licences.txt'), 'utf8')).toContain('\nundici ');
  });

  test('lists every package that is installed for production, Node.js, and the libraries of the image', async () => {
    const bom = JSON.parse(await readFile(join(release, `${name}-${version}-sbom.cdx.json`), 'utf8'));
    expect(bom).toMatchObject({
      bomFormat: 'CycloneDX',
      metadata: {
        timestamp: new Date(timestamp * 1000).toISOString(),
        component: { name, version, type: 'application' },
      },
    });
    const listed = new Set(
      bom.components.map(
        (component: { name: string; version: string }) => `${component.name} ${component.version}`,
      ),
    );
    const installed = Object.entries(
      packageLock.packages as Record<string, { version?: string; dev?: boolean }>,
    )
      .filter(([path, { dev }]) => path !== '' && dev !== true)
      .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')} ${version}`);
    for (const item of [...installed, `node ${packageJson.devDependencies.node}`])
      expect(listed).toContain(item);
    const purls = bom.components.map(({ purl }: { purl: string }) => purl);
    expect(purls).toEqual(
      expect.arrayContaining([expect.stringMatching(/^pkg:deb\/debian\/libc6@.+\?arch=/)]),
    );
  });
});

describe('the version', () => {
  test.each(versionPlaces)('stands in package.json, and $file repeats it ($before)', (place) => {
    expect(versionAt(place)).toBe(version);
  });

  test('is written to all places by npm version', async () => {
    const checkout = await mkdtemp(join(folder, 'checkout-'));
    for (const { file } of versionPlaces) await cp(file, join(checkout, file));
    setVersion('9.8.7', checkout);
    expect(versionPlaces.map((place) => versionAt(place, checkout))).toEqual(
      versionPlaces.map(() => '9.8.7'),
    );
    expect(packageJson.scripts.version).toContain('tools/release/version.ts');
  });
});
