/** What the release is made of: a CycloneDX document (https://cyclonedx.org/docs/1.5/json/). */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ImageComponent } from '../image/components.ts';

const repository = join(import.meta.dirname, '../..');
const maxBuffer = 64 << 20;

interface Bom {
  serialNumber: string;
  readonly metadata: {
    timestamp: string;
    readonly component: { 'bom-ref': string; name: string };
    [field: string]: unknown;
  };
  components: unknown[];
  readonly dependencies: { readonly ref: string; dependsOn: string[] }[];
}

/** What the document is to say. */
export interface SbomOptions {
  /** The project's name. */
  readonly name: string;
  /** What the image holds beside the packages of npm. */
  readonly image: readonly ImageComponent[];
  /** Seconds since the epoch. */
  readonly timestamp: number;
}

/**
 * `npm sbom` lists the packages of npm, by the lockfile; what else is in the image is added: Node.js, and the Debian packages that its
 * libraries are from. npm gives a random serial number, the time and the name of the folder; here they
 * follow from the content, so that the same release has the same document.
 *
 * @returns JSON.
 */
export async function sbom({ name, image, timestamp }: SbomOptions): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sbo-sbom-'));
  try {
    await writeProductionManifests(folder);
    const flags = ['--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'];
    const { stdout } = await promisify(execFile)('npm', ['sbom', ...flags], { cwd: folder, maxBuffer });
    return withImage(JSON.parse(stdout) as Bom, { name, image, timestamp });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Not `--omit=dev`: npm then leaves out what a development dependency needs, too, such as yaml and lodash. */
async function writeProductionManifests(folder: string): Promise<void> {
  const read = async (file: string) => JSON.parse(await readFile(join(repository, file), 'utf8'));
  const write = (file: string, content: unknown) => writeFile(join(folder, file), JSON.stringify(content));
  const { devDependencies: _, ...manifest } = (await read('package.json')) as { devDependencies: unknown };
  const lock = (await read('package-lock.json')) as { packages: Record<string, { dev?: boolean }> };
  const production = Object.entries(lock.packages).filter(([, { dev }]) => dev !== true);
  const packages = { ...Object.fromEntries(production), '': manifest };
  await write('package.json', manifest);
  await write('package-lock.json', { ...lock, packages });
}

function withImage(bom: Bom, { name, image, timestamp }: SbomOptions): string {
  bom.metadata.timestamp = new Date(timestamp * 1000).toISOString();
  bom.metadata.component.name = name;
  const root = bom.metadata.component['bom-ref'];
  bom.components = [...bom.components, ...image.map(componentOf)];
  bom.dependencies.find(({ ref }) => ref === root)?.dependsOn.push(...image.map(({ purl }) => purl));
  bom.serialNumber = `urn:uuid:${uuidOf(JSON.stringify({ ...bom, serialNumber: '' }))}`;
  return `${JSON.stringify(bom, undefined, 2)}\n`;
}

function componentOf({ name, version, purl, type }: ImageComponent) {
  return { 'bom-ref': purl, type, name, version, purl };
}

/** A UUID of version 8 (RFC 9562: its bits are the maker's): the content's hash. */
function uuidOf(content: string): string {
  const hash = createHash('sha256').update(content).digest('hex');
  const variant = ((Number.parseInt(hash.charAt(16), 16) & 0x3) | 0x8).toString(16);
  const digits = `${hash.slice(0, 12)}8${hash.slice(13, 16)}${variant}${hash.slice(17, 32)}`;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
