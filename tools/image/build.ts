/** Builds the image with whatever the machine has. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { cacheRoot, withLock } from '../controlplane/cache.ts';
import { ensureDebianPackages } from '../foreign/debian.ts';
import { answer, run } from '../foreign/run.ts';
import { normalizeTar } from './archive.ts';
import { Buildah } from './buildah.ts';
import { ensureLocalBase } from './local-base.ts';

const repository = join(import.meta.dirname, '../..');

/** The base of the Dockerfile's first stage, where a registry can be reached: that of the Dockerfile. */
const registryBase = `node:${packageJson.devDependencies.node}`;

/** What to build, and where to. */
export interface ImageBuild {
  /** The OCI archive to write. */
  readonly archive: string;
  /** The time of all that the image says and holds, in seconds since the epoch. */
  readonly timestamp: number;
  /** A base of one's own for the first stage: Node.js 26 with npm, and strip. */
  readonly buildImage?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The image's name: `security-baseline-operator:<version>`. */
export const imageName = `${packageJson.name}:${packageJson.version}`;

/** Where `make image` writes it. */
export const imageArchive = join(repository, 'dist', `${packageJson.name}-${packageJson.version}.oci.tar`);

/**
 * Builds the image and writes it as an OCI archive: with docker or podman where one of them is there and can have the base, else with
 * buildah, from a base made of Debian packages.
 *
 * @throws when it can be built in no way, or the build fails; what was at work is gone then.
 */
export async function buildImage(build: ImageBuild): Promise<void> {
  await mkdir(dirname(build.archive), { recursive: true });
  const engine = await findEngine(build.buildImage ?? registryBase);
  const partial = `${build.archive}.partial`;
  try {
    if (engine === undefined) await buildWithBuildah(build, partial);
    else await buildWithEngine(engine, build, partial);
    await normalizeTar(partial, build.timestamp);
    await rename(partial, build.archive);
  } finally {
    await rm(partial, { force: true });
  }
}

const engines = {
  // Its record of how it was built tells the time.
  docker: { build: ['--provenance=false'], save: ['save'] },
  podman: { build: ['--format=oci'], save: ['save', '--format=oci-archive'] },
} as const;
type Engine = keyof typeof engines;

/** The first that answers and has, or can have, the base. */
async function findEngine(base: string): Promise<Engine | undefined> {
  for (const engine of Object.keys(engines) as Engine[]) {
    if ((await answer(engine, 'info')) === undefined) continue;
    if ((await answer(engine, 'image', 'inspect', base)) !== undefined) return engine;
    if ((await answer(engine, 'pull', '--quiet', base)) !== undefined) return engine;
    console.error(`${engine} is there, but cannot have ${base}.`);
  }
  return undefined;
}

async function buildWithEngine(engine: Engine, build: ImageBuild, archive: string): Promise<void> {
  const { signal } = build;
  const given = Object.entries(buildArguments(build)).flatMap(([key, value]) => [
    '--build-arg',
    `${key}=${value}`,
  ]);
  console.error(`Building ${imageName} with ${engine}.`);
  await run(engine, ['build', ...engines[engine].build, ...given, '--tag', imageName, repository], {
    signal,
  });
  await run(engine, [...engines[engine].save, '--output', archive, imageName], { signal });
}

async function buildWithBuildah(build: ImageBuild, archive: string): Promise<void> {
  const { signal, timestamp } = build;
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Error(
      'The image is built with docker or podman where they can reach a registry (or BUILD_IMAGE names a base that they have), else with buildah, which needs Linux and root.',
    );
  }
  await ensureDebianPackages(['buildah', 'debootstrap'], signal);
  const storage = cacheRoot('image-base');
  const work = async (): Promise<void> => {
    const buildah = new Buildah(storage);
    const base = build.buildImage ?? (await ensureLocalBase(buildah, signal));
    console.error(`Building ${imageName} with buildah.`);
    const given = { ...buildArguments(build), BUILD_IMAGE: base };
    const name = `localhost/${imageName}`;
    await buildah.build({
      context: repository,
      file: 'Dockerfile',
      name,
      arguments: given,
      timestamp,
      signal,
    });
    try {
      await buildah.save(name, archive, signal);
    } finally {
      await buildah.remove(name);
    }
  };
  const onWait = (owner: number): void =>
    console.error(`Waiting for process ${owner}, which builds an image.`);
  await withLock(`${storage}.lock`, work, onWait, signal);
}

function buildArguments({ buildImage, timestamp }: ImageBuild): Record<string, string> {
  return {
    VERSION: packageJson.version,
    SOURCE_DATE_EPOCH: String(timestamp),
    ...(buildImage === undefined ? {} : { BUILD_IMAGE: buildImage }),
  };
}
