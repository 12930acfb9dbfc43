/**
 * Writes what is generated: types and the reference from the CRDs, the admission policies, the reference of the metrics, alert
 * rules and dashboard, and most of the Helm chart's templates. `--check` writes nothing, and fails when a file on disk is not what
 * would be written.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { chartFiles } from '../chart/templates.ts';
import { metricsReference } from './metrics-reference.ts';
import { dashboardFiles } from './monitoring/dashboard.ts';
import { ruleFiles } from './monitoring/rules.ts';
import { policyFiles } from './policies.ts';
import { referenceOf } from './reference.ts';
import { type Crd, typesOf } from './types.ts';

const root = new URL('../../', import.meta.url);

const crds = globSync('crds/*.yaml', { cwd: root.pathname, exclude: ['crds/kustomization.yaml'] })
  .sort()
  .map((file) => parse(readFileSync(new URL(file, root), 'utf8'), { maxAliasCount: -1 }) as Crd);

const check = process.argv.includes('--check');
bring([
  ['src/api/types.generated.ts', await typesOf(crds)],
  ...crds.map((crd): [string, string] => [`docs/reference/${crd.spec.names.kind}.md`, referenceOf(crd)]),
  ...policyFiles(),
  metricsReference(),
  ...ruleFiles(),
  ...dashboardFiles(),
]);
// The chart is made of files, some of which have just been generated.
bring(chartFiles());

/** Writes files, each a path and a text; or compares them. */
function bring(outputs: Iterable<readonly [string, string]>): void {
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
}
