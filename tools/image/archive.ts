/** Archives whose bytes depend on their content alone. Needs GNU tar. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { run } from '../foreign/run.ts';

/** What to put into an archive. */
export interface ArchiveContent {
  /** The folder whose content it is. */
  readonly directory: string;
  /** The folder in the archive that all is in; none by default. */
  readonly prefix?: string;
  /** Seconds since the epoch; all files carry it. */
  readonly timestamp: number;
}

/** Writes a .tar: sorted, of one time, owned by root, with the permissions that a checkout gives whatever the umask is. */
export async function writeTar(
  file: string,
  { directory, prefix, timestamp }: ArchiveContent,
): Promise<void> {
  const stable = ['--sort=name', `--mtime=@${timestamp}`, '--owner=0', '--group=0', '--numeric-owner'];
  const readable = ['--mode=u=rwX,go=rX', '--format=ustar'];
  const renamed = prefix === undefined ? [] : [`--transform=s,^,${prefix}/,`];
  const content = ['--directory', directory, '--', ...(await readdir(directory)).sort()];
  await run('tar', ['--create', ...stable, ...readable, ...renamed, '--file', file, ...content]);
}

/** Writes a .tar.gz. */
export async function writeTarGz(file: string, content: ArchiveContent): Promise<void> {
  const tar = `${file}.tar`;
  try {
    await writeTar(tar, content);
    // Node.js puts neither a name nor a time into the header.
    await pipeline(createReadStream(tar), createGzip({ level: 9 }), createWriteStream(file));
  } finally {
    await rm(tar, { force: true });
  }
}

/** Writes a .tar again, so that it no longer tells when and by whom it was written. */
export async function normalizeTar(file: string, timestamp: number): Promise<void> {
  const directory = await mkdtemp(`${file}.unpacked-`);
  try {
    await run('tar', ['--extract', '--file', file, '--directory', directory]);
    await writeTar(file, { directory, timestamp });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
