/**
 * Writes what is generated: types and the reference from the CRDs, and the admission policies. `--check` writes nothing, and
 * fails when a file on disk is not what would be written.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { policyFiles } from './policies.ts';
import { referenceOf } from './reference.ts';
import { type Crd, typesOf } from './types.ts';

const root = new URL('../../', import.meta.url);

const crds = globSync('crds/*.yaml', { cwd: root.pathname, exclude: ['crds/kustomization.yaml'] })
  .sort()
  .map((file) => parse(readFileSync(new URL(file, root), 'utf8'), { maxAliasCount: -1 }) as Crd);

const outputs = new Map<string, string>([
  ['src/api/types.generated.ts', await typesOf(crds)],
  ...crds.map((crd): [string, string] => [`docs/reference/${crd.spec.names.kind}.md`, referenceOf(crd)]),
  ...policyFiles(),
]);

const check = process.argv.includes('--check');
for (const [file, text] of outputs) {
  const url = new URL(file, root);
  if (!check) {
    writeFileSync(url, text);
    console.log(`wrote ${file}`);
  } else if (readFileSync(url, 'utf8') !== text) {
    console.error(`${file} is not what its sources give: run \`make generate\` and commit the result`);
    process.exitCode = 1;
  }
}
