/** Archives whose bytes depend on their content alone. */

import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { run } from '../image/run.ts';

/** What to put into an archive. */
export interface ArchiveContent {
  /** The folder that the paths are in. */
  readonly directory: string;
  /** Files and folders, relative to it. */
  readonly paths: readonly string[];
  /** The folder of the archive that all is in. */
  readonly prefix: string;
  /** Seconds since the epoch; all files carry it. */
  readonly timestamp: number;
}

/** Writes a .tar.gz: sorted, of one time, owned by root, with the permissions that a checkout gives. Needs GNU tar. */
export async function writeTarGz(file: string, content: ArchiveContent): Promise<void> {
  const { directory, paths, prefix, timestamp } = content;
  const tar = `${file}.tar`;
  const stable = ['--sort=name', `--mtime=@${timestamp}`, '--owner=0', '--group=0', '--numeric-owner'];
  // Whatever the umask was; `X` keeps what can be executed so.
  const readable = ['--mode=u=rwX,go=rX', '--format=ustar'];
  const renamed = `--transform=s,^,${prefix}/,`;
  try {
    await run('tar', ['--create', ...stable, ...readable, renamed, '--file', tar, '-C', directory, ...paths]);
    // Without a name or a time in its header, as Node.js writes it.
    await pipeline(createReadStream(tar), createGzip({ level: 9 }), createWriteStream(file));
  } finally {
    await rm(tar, { force: true });
  }
}
