/** The manifests that a command is given: files, folders and standard input to objects, each with its place. */
import { defaultLimits, type ManifestLimits } from './limits.ts';
import { ManifestObject } from './manifest-object.ts';
import { parseDocuments } from './parse-documents.ts';
import { readSources } from './source-files.ts';
import type { ManifestProblem } from './source-location.ts';
import { unfold } from './unfold.ts';

/** What was read. */
export interface ManifestSet {
  /** In the order of the paths, of the files' names and of the documents. */
  readonly objects: readonly ManifestObject[];
  /** What was not understood. With an error among them the objects are not all that there are. */
  readonly problems: readonly ManifestProblem[];
}

/** Where to read from, and how much. */
export interface ReadOptions {
  /** What `-` stands for, such as `process.stdin`. */
  readonly input: AsyncIterable<Uint8Array>;
  readonly limits?: ManifestLimits;
  /** Stops the reading between two files. */
  readonly signal?: AbortSignal;
}

/**
 * Reads manifests. What is wrong with them is returned, not thrown: the good parts of a half-valid file are kept.
 *
 * @param paths files, folders (read with all that is in them), or `-` for standard input
 * @throws the signal's reason, when aborted
 */
export async function readManifests(paths: readonly string[], options: ReadOptions): Promise<ManifestSet> {
  const { input, limits = defaultLimits, signal } = options;
  const objects: ManifestObject[] = [];
  const problems: ManifestProblem[] = [];
  let documents = 0;
  for await (const source of readSources(paths, input, limits)) {
    signal?.throwIfAborted();
    if ('severity' in source) {
      problems.push(source);
      continue;
    }
    for (const document of parseDocuments(source.text, source.file, limits)) {
      documents++;
      if (documents > limits.documents) {
        const message = `there are more than ${limits.documents} documents; give fewer files`;
        problems.push({ severity: 'error', file: source.file, message });
        return { objects, problems };
      }
      if ('severity' in document) {
        problems.push(document);
        continue;
      }
      for (const part of unfold(document, source.given)) {
        if (part instanceof ManifestObject) objects.push(part);
        else problems.push(part);
      }
    }
  }
  return { objects, problems };
}
