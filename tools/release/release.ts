/** Everything that a release consists of, in one folder. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import packageJson from '../../package.json' with { type: 'json' };
import { kubectl, kustomized } from '../foreign/kubectl.ts';
import { run } from '../foreign/run.ts';
import { writeTarGz } from '../image/archive.ts';
import { componentsOf } from '../image/components.ts';
import { OciArchive } from '../image/oci-archive.ts';
import { sbom } from './sbom.ts';

const repository = join(import.meta.dirname, '../..');
const { name, version } = packageJson;

/** What a release is made from. */
export interface ReleaseOptions {
  /** Where to; what is there is replaced. */
  readonly directory: string;
  /** The image's OCI archive. */
  readonly image: string;
  /** Where clusters can pull the image, without a tag, such as `registry.example.com/security-baseline-operator`. */
  readonly imageRepository?: string | undefined;
  /** The time that all files of the archives carry, in seconds since the epoch. */
  readonly timestamp: number;
}

/**
 * Assembles a release. The same sources, image, npm and options give the same bytes.
 *
 * @returns the names of the files, sorted.
 * @throws when a part cannot be made; the folder is as it was then.
 */
export async function assembleRelease(options: ReleaseOptions): Promise<readonly string[]> {
  const { directory } = options;
  await mkdir(dirname(directory), { recursive: true });
  const staging = await mkdtemp(`${directory}.partial-`);
  try {
    await copyFile(options.image, join(staging, `${name}-${version}-image.oci.tar`));
    await writeManifests(staging, options);
    await writeChart(staging, options);
    await writeCli(staging, options);
    await writeFile(join(staging, `${name}-${version}-sbom.cdx.json`), await sbomOf(options));
    await writeChecksums(staging);
    // Temporary folders are for their owner alone.
    await chmod(staging, 0o755);
    await rm(directory, { recursive: true, force: true });
    await rename(staging, directory);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return (await readdir(directory)).sort();
}

/** `install.yaml` is config/default, `install-<overlay>.yaml` one of config/overlays. */
async function writeManifests(staging: string, { imageRepository }: ReleaseOptions): Promise<void> {
  const overlays = (await readdir(join(repository, 'config/overlays'))).sort();
  const sources = [
    { file: 'install.yaml', folder: 'config/default' },
    ...overlays.map((overlay) => ({ file: `install-${overlay}.yaml`, folder: `config/overlays/${overlay}` })),
  ];
  const program = await kubectl.ensure();
  for (const { file, folder } of sources) {
    const manifests = await kustomized(program, join(repository, folder));
    await writeFile(join(staging, file), withRepository(manifests, imageRepository));
  }
}

/** @throws when the image that is to be replaced is not there. */
function withRepository(manifests: string, imageRepository: string | undefined): string {
  if (imageRepository === undefined) return manifests;
  const image = `image: ${name}:${version}`;
  if (!manifests.includes(image)) throw new Error(`the manifests do not say ${image}`);
  return manifests.replaceAll(image, `image: ${imageRepository}:${version}`);
}

/** What `helm package` packs, of a time and an order that do not depend on the machine. */
async function writeChart(staging: string, { imageRepository, timestamp }: ReleaseOptions): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'sbo-chart-'));
  try {
    const chart = join(work, name);
    await cp(join(repository, 'charts', name), chart, { recursive: true });
    await copyFile(join(repository, 'LICENSE'), join(chart, 'LICENSE'));
    if (imageRepository !== undefined) await setRepository(join(chart, 'values.yaml'), imageRepository);
    // The form of all charts' archives: NAME-VERSION.tgz, with a folder NAME in it.
    const file = join(staging, `${name}-${version}.tgz`);
    await writeTarGz(file, { directory: chart, prefix: name, timestamp });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function setRepository(file: string, imageRepository: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const line = `  repository: ${name}\n`;
  if (!text.includes(line)) throw new Error(`${file} does not say ${line.trim()}`);
  await writeFile(file, text.replace(line, `  repository: ${imageRepository}\n`));
}

async function writeCli(staging: string, { timestamp }: ReleaseOptions): Promise<void> {
  await run(process.execPath, [join(repository, 'tools/build-cli.ts')]);
  const work = await mkdtemp(join(tmpdir(), 'sbo-cli-'));
  try {
    for (const part of ['dist/kubectl-baseline', 'dist/kubectl-baseline.licences.txt', 'LICENSE']) {
      await copyFile(join(repository, part), join(work, basename(part)));
    }
    const prefix = `kubectl-baseline-${version}`;
    await writeTarGz(join(staging, `${prefix}.tar.gz`), { directory: work, prefix, timestamp });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function sbomOf({ image, timestamp }: ReleaseOptions): Promise<string> {
  const rootfs = await mkdtemp(join(tmpdir(), 'sbo-rootfs-'));
  try {
    await using archive = await OciArchive.open(image);
    await archive.unpack(rootfs);
    return await sbom({ name, image: await componentsOf(rootfs), timestamp });
  } finally {
    await rm(rootfs, { recursive: true, force: true });
  }
}

/** In the format that `sha256sum --check` reads. */
async function writeChecksums(staging: string): Promise<void> {
  const lines: string[] = [];
  for (const file of (await readdir(staging)).sort()) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(staging, file)), hash);
    lines.push(`${hash.digest('hex')}  ${file}\n`);
  }
  await writeFile(join(staging, 'SHA256SUMS'), lines.join(''));
}
