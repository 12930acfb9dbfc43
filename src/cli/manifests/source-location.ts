/** Where something stands in the files that were read. */

/** A place in a file. Lines and columns count from 1. */
export interface SourceLocation {
  /** As it was given, or as the folder that was given leads to it; `-` is standard input. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What could not be read, or not be understood. */
export interface ManifestProblem {
  /** An error leaves the reading incomplete; a note is about something that is no Kubernetes manifest at all. */
  readonly severity: 'error' | 'note';
  readonly file: string;
  /** Absent where the whole file is meant. */
  readonly line?: number;
  readonly column?: number;
  /** Says what is wrong and, where that is not plain, what to do. */
  readonly message: string;
}

/** A way from an object to one of its parts, such as `['spec', 'containers', 0, 'image']`. */
export type FieldPath = readonly (string | number)[];

/** As people write it: `spec.containers[0].image`, `metadata.labels["a.b/c"]`. */
export function formatPath(path: FieldPath): string {
  return path
    .map((step, i) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!/^[\w-]+$/.test(step)) return `[${JSON.stringify(step)}]`;
      return i === 0 ? step : `.${step}`;
    })
    .join('');
}
