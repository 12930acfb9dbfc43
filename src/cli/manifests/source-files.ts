/** Files, folders and standard input to text. */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ManifestLimits } from './limits.ts';
import type { ManifestProblem } from './source-location.ts';

/** A text that was read, or why it was not. */
export type SourceText =
  | {
      readonly file: string;
      readonly text: string /** Whether the file itself was asked for, and not a folder. */;
      readonly given: boolean;
    }
  | ManifestProblem;

const extensions = ['.yaml', '.yml', '.json'];

/** Standard input, as a path. */
export const standardInput = '-';

/**
 * The texts of files and, in order of their names, of the files in folders: `.yaml`, `.yml` and `.json`, hidden ones and
 * node_modules left out. A path that is a pipe is read to its end. What is too large or no UTF-8 text is a problem.
 */
export async function* readSources(
  paths: readonly string[],
  input: AsyncIterable<Uint8Array>,
  limits: ManifestLimits,
): AsyncGenerator<SourceText> {
  const seen = new Set<string>();
  let totalBytes = 0;
  for (const path of paths) {
    for await (const { file, given, problem } of filesOf(path)) {
      if (problem !== undefined) {
        yield problem;
        continue;
      }
      const key = file === standardInput ? file : resolve(file);
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > limits.files) {
        yield failure(path, `there are more than ${limits.files} files; give a narrower folder`);
        return;
      }
      const bytes = await readBytes(
        file,
        file === standardInput ? input : createReadStream(file),
        limits.fileBytes,
      );
      if (!(bytes instanceof Uint8Array)) {
        yield bytes;
        continue;
      }
      totalBytes += bytes.length;
      if (totalBytes > limits.totalBytes) {
        yield failure(path, `the files are larger than ${megabytes(limits.totalBytes)} together; give fewer`);
        return;
      }
      const text = decode(bytes);
      yield typeof text === 'string' ? { file, text, given } : failure(file, text.reason);
    }
  }
}

interface FoundFile {
  readonly file: string;
  readonly given: boolean;
  readonly problem?: ManifestProblem;
}

async function* filesOf(path: string): AsyncGenerator<FoundFile> {
  if (path === standardInput) {
    yield { file: path, given: true };
    return;
  }
  try {
    if ((await stat(path)).isDirectory()) yield* filesIn(path);
    else yield { file: path, given: true };
  } catch (error) {
    yield { file: path, given: true, problem: failure(path, reasonOf(error)) };
  }
}

/** Links to files are followed, links to folders are not: they may lead round in a circle. */
async function* filesIn(folder: string): AsyncGenerator<FoundFile> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      const file = join(folder, entry.name);
      if (entry.isDirectory()) yield* filesIn(file);
      else if (extensions.some((extension) => entry.name.toLowerCase().endsWith(extension))) {
        if (entry.isFile() || (entry.isSymbolicLink() && (await stat(file)).isFile())) {
          yield { file, given: false };
        }
      }
    }
  } catch (error) {
    yield { file: folder, given: false, problem: failure(folder, reasonOf(error)) };
  }
}

async function readBytes(
  file: string,
  stream: AsyncIterable<Uint8Array>,
  most: number,
): Promise<Uint8Array | ManifestProblem> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      length += chunk.length;
      if (length > most) return failure(file, `is larger than ${megabytes(most)}; split it`);
      chunks.push(chunk);
    }
  } catch (error) {
    return failure(file, reasonOf(error));
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Uint8Array): string | { readonly reason: string } {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { reason: 'is UTF-16; save it as UTF-8' };
  }
  if (bytes.includes(0)) return { reason: 'is binary; give YAML or JSON' };
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { reason: 'is not UTF-8 text; give YAML or JSON in UTF-8' };
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'may not be read; check its permissions',
  EPERM: 'may not be read; check its permissions',
  EISDIR: 'is a folder',
  ELOOP: 'is a link that leads round in a circle',
};

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return reasons[code ?? ''] ?? `cannot be read: ${message}`;
}

function failure(file: string, message: string): ManifestProblem {
  return { severity: 'error', file, message };
}

function megabytes(bytes: number): string {
  return bytes >= 1024 * 1024 ? `${Math.round(bytes / 1024 / 1024)} MiB` : `${bytes} bytes`;
}
