/**
 * Every manifest in the documentation is one that an API server takes: each is sent, as a dry run, with unknown fields refused. So is every
 * fragment of a baseline's spec, as a part of one. What belongs to programs that are not installed here is listed.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ControlPlane } from '../../tools/controlplane/control-plane.ts';
import { applyManifests, readManifests } from '../../tools/operator/manifests.ts';
import { loadKubeconfig } from '../support/control-plane.ts';
import { DryRun } from '../support/docs-dry-run.ts';
import { blocksOf, readPages } from '../support/docs-pages.ts';

let controlPlane: ControlPlane;
let dryRun: DryRun;

beforeAll(async () => {
  controlPlane = await ControlPlane.start();
  await applyManifests(loadKubeconfig(controlPlane.adminKubeconfig), readManifests('crds/*exceptions.yaml'));
  await applyManifests(loadKubeconfig(controlPlane.adminKubeconfig), readManifests('crds/*baselines.yaml'));
  dryRun = await DryRun.open(controlPlane.adminKubeconfig);
});
afterAll(async () => {
  await dryRun?.close();
  await controlPlane?.stop();
});

const documents = readPages().flatMap((page) =>
  blocksOf(page)
    .filter(({ language }) => language === 'yaml')
    .flatMap((block) =>
      parseAllDocuments(block.text).map((document, index) => ({
        place: `${page.path}:${block.line}${index === 0 ? '' : `, document ${index + 1}`}`,
        errors: document.errors.map(({ message }) => message),
        content: document.toJS({ maxAliasCount: -1 }) as unknown,
      })),
    ),
);
const notSent: string[] = [];

test.each(documents)('$place', async ({ place, errors, content }) => {
  expect(errors).toEqual([]);
  const answer = await dryRun.send(content);
  if (answer.kind === 'not ours') notSent.push(`${place}: ${answer.what}`);
  else expect(answer.refusal).toBeUndefined();
});

test('what was not sent is named', () => {
  console.log(`not sent to the API server:\n${notSent.join('\n')}`);
  expect(notSent.filter((line) => line.includes('securitybaseline.io'))).toEqual([]);
  // Most of what pages show is ours or Kubernetes' own.
  expect(notSent.length).toBeLessThan(documents.length / 2);
});
