/** Reads an OCI archive (https://github.com/opencontainers/image-spec): what the image says of itself, and its files. */
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGzip } from 'node:zlib';
import { run } from '../foreign/run.ts';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string };
}

/** The parts of an image's configuration that are of interest here. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly created?: string;
  readonly config: {
    readonly User?: string;
    readonly Env?: readonly string[];
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly Labels?: Readonly<Record<string, string>>;
    readonly ExposedPorts?: Readonly<Record<string, unknown>>;
  };
}

/** An unpacked archive; its files are gone when it goes out of scope. */
export class OciArchive implements AsyncDisposable {
  readonly config: ImageConfig;
  readonly #directory: string;
  readonly #layers: readonly Descriptor[];

  private constructor(directory: string, config: ImageConfig, layers: readonly Descriptor[]) {
    this.#directory = directory;
    this.config = config;
    this.#layers = layers;
  }

  /** @throws when the file is no OCI archive of one image. */
  static async open(file: string): Promise<OciArchive> {
    const directory = await mkdtemp(join(tmpdir(), 'sbo-image-'));
    try {
      await run('tar', ['--extract', '--file', file, '--directory', directory]);
      const blob = async <Content>({ digest }: Descriptor): Promise<Content> =>
        JSON.parse(await readFile(blobPath(directory, digest), 'utf8')) as Content;
      const index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8'));
      let [manifest] = index.manifests as readonly [Descriptor, ...Descriptor[]];
      // docker puts an index into the index: the image for this machine, and attestations about it.
      if (manifest.mediaType.includes('index') || manifest.mediaType.includes('manifest.list')) {
        const { manifests } = await blob<{ manifests: readonly [Descriptor, ...Descriptor[]] }>(manifest);
        manifest = manifests.find(({ platform }) => platform?.architecture !== 'unknown') ?? manifests[0];
      }
      const { config, layers } = await blob<{ config: Descriptor; layers: Descriptor[] }>(manifest);
      return new OciArchive(directory, await blob<ImageConfig>(config), layers);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw new Error(`${file} is no OCI archive of an image`, { cause: error });
    }
  }

  /** The bytes of all layers, as a registry has them. docker writes them into archives without compression. */
  async compressedBytes(): Promise<number> {
    let bytes = 0;
    for (const { mediaType, digest, size } of this.#layers) {
      if (/[+.](gzip|zstd)$/.test(mediaType)) bytes += size;
      else {
        const layer = createReadStream(blobPath(this.#directory, digest)).pipe(createGzip());
        for await (const chunk of layer) bytes += (chunk as Buffer).length;
      }
    }
    return bytes;
  }

  /** Writes the image's files to a folder, owned as the image says where this process is root. */
  async unpack(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    for (const { digest } of this.#layers) {
      const options = ['--extract', '--preserve-permissions', '--numeric-owner', '--delay-directory-restore'];
      await run('tar', [...options, '--file', blobPath(this.#directory, digest), '--directory', folder]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function blobPath(directory: string, digest: string): string {
  return join(directory, 'blobs', ...digest.split(':'));
}
