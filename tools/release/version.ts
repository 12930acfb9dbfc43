/**
 * The version stands in package.json. Where a file of another format has to repeat it, `npm version` has it written there by this
 * (npm's life cycle runs the script `version`), and a test compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '../..');

/** A place that repeats the version. */
export interface VersionPlace {
  /** Relative to the repository. */
  readonly file: string;
  /** What precedes the version, on a line of its own. */
  readonly before: string;
}

/** All of them. The image gets its label as it is built, and the programs read package.json. */
export const versionPlaces: readonly VersionPlace[] = [
  { file: 'charts/security-baseline-operator/Chart.yaml', before: 'version: ' },
  { file: 'charts/security-baseline-operator/Chart.yaml', before: 'appVersion: ' },
  { file: 'config/manager/kustomization.yaml', before: '    newTag: ' },
];

/** The version that a place has now, in this checkout or another. */
export function versionAt({ file, before }: VersionPlace, checkout = repository): string {
  const line = readFileSync(join(checkout, file), 'utf8')
    .split('\n')
    .find((line) => line.startsWith(before));
  if (line === undefined) throw new Error(`${file} has no line that starts with ${JSON.stringify(before)}`);
  return line.slice(before.length).replaceAll('"', '');
}

/** Writes a version to all places, of this checkout or another. */
export function setVersion(version: string, checkout = repository): void {
  for (const { file, before } of versionPlaces) {
    const path = join(checkout, file);
    const lines = readFileSync(path, 'utf8').split('\n');
    const changed = lines.map((line) => (line.startsWith(before) ? before + version : line));
    writeFileSync(path, changed.join('\n'));
  }
}

if (import.meta.main) {
  const version = process.env.npm_package_version;
  if (version === undefined) throw new Error('to be run by npm version');
  setVersion(version);
}
