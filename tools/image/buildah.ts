/** Builds images without a daemon and without a registry. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { answer, runInNamespaces } from '../foreign/run.ts';

/** What to build. */
export interface BuildahBuild {
  readonly context: string;
  /** Relative to the context. */
  readonly file: string;
  readonly name: string;
  readonly arguments?: Readonly<Record<string, string>>;
  /** The time of all that the image says and holds, in seconds since the epoch; by default now. */
  readonly timestamp?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * buildah with a storage of its own, so that nothing of a user's is touched, and `chroot` as its isolation, which works inside
 * containers, too. To be used by one process at a time. Needs root.
 */
export class Buildah {
  /** Where images are kept. */
  readonly storage: string;

  constructor(storage: string) {
    this.storage = storage;
  }

  /** Whether there is an image of that name. */
  async has(name: string): Promise<boolean> {
    const images = await answer(
      'buildah',
      ...this.#flags,
      'images',
      '--quiet',
      '--filter',
      `reference=${name}`,
    );
    return images !== undefined && images !== '';
  }

  /** Builds; what was at work is removed, also when it fails. */
  async build(build: BuildahBuild): Promise<void> {
    await mkdir(this.storage, { recursive: true });
    const { context, file, name, timestamp, signal } = build;
    const given = Object.entries(build.arguments ?? {}).flatMap(([key, value]) => [
      '--build-arg',
      `${key}=${value}`,
    ]);
    const time = timestamp === undefined ? [] : ['--timestamp', String(timestamp)];
    const args = ['build', '--isolation=chroot', '--pull-never', '--format=oci', ...time, ...given];
    try {
      await this.#run([...args, '--file', join(context, file), '--tag', name, context], signal);
    } finally {
      await this.#run(['rm', '--all'], undefined);
    }
  }

  /** Writes an image as an OCI archive. */
  async save(name: string, archive: string, signal?: AbortSignal): Promise<void> {
    // It would add to one that is there.
    await rm(archive, { force: true });
    await this.#run(['push', '--quiet', name, `oci-archive:${archive}:${name}`], signal);
  }

  /** Removes an image. */
  async remove(name: string): Promise<void> {
    await this.#run(['rmi', '--force', name], undefined);
  }

  get #flags(): readonly string[] {
    return [
      '--root',
      join(this.storage, 'root'),
      '--runroot',
      join(this.storage, 'run'),
      '--storage-driver=vfs',
    ];
  }

  async #run(args: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    await runInNamespaces('buildah', [...this.#flags, ...args], { signal });
  }
}
