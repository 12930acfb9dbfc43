/** How much the reader takes in, so that no input can use up the machine. */

/** Bounds on what is read; each names what it counts. */
export interface ManifestLimits {
  /** Bytes of one file, or of standard input. */
  readonly fileBytes: number;
  /** Bytes of all files together. */
  readonly totalBytes: number;
  readonly files: number;
  /** YAML documents in all files together. */
  readonly documents: number;
  /** Values that aliases add to one document when they are expanded. A few lines can ask for billions. */
  readonly aliasedValues: number;
  /** Levels of maps and lists within each other. */
  readonly depth: number;
}

/** Well above what a cluster's worth of rendered manifests needs: an object in a cluster is at most 1.5 MiB. */
export const defaultLimits: ManifestLimits = {
  fileBytes: 32 * 1024 * 1024,
  totalBytes: 256 * 1024 * 1024,
  files: 10_000,
  documents: 50_000,
  aliasedValues: 100_000,
  depth: 128,
};
