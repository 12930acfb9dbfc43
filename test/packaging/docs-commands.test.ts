/**
 * Does what the documentation says: every command of every page is run, page by page, each on a control plane of its own; or is marked
 * as not run, with a reason. How pages say what is to be done is in test/support/docs-pages.ts.
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { helm } from '../../tools/foreign/helm.ts';
import { kubectl } from '../../tools/foreign/kubectl.ts';
import { readPages, root, type Shown, stepsOf, withOutput } from '../support/docs-pages.ts';
import { type Programs, Reader, titleOf } from '../support/docs-reader.ts';

/** DOCS=first-baseline tries the pages with this in their path; UPDATE_DOCS=1 writes into them what was printed, to be read as a diff. */
const { DOCS = '', UPDATE_DOCS } = process.env;
const isUpdate = UPDATE_DOCS === '1';
const howToUpdate =
  'To take this into the page: UPDATE_DOCS=1 npx vitest run --project packaging docs-commands';

const pages = readPages()
  .filter(({ path }) => path.includes(DOCS))
  .map((page) => ({ page, steps: stepsOf(page) }));
const notRun = pages.flatMap(({ page, steps }) =>
  steps.flatMap((step) => (step.kind === 'not run' ? [{ path: page.path, ...step }] : [])),
);
/** What is taken over is what stands after so long. */
const settledMs = 4000;
let programs: Programs;

beforeAll(async () => {
  await promisify(execFile)(process.execPath, ['tools/build-cli.ts'], { cwd: root });
  programs = {
    helm: await helm.path(),
    kubectl: await kubectl.path(),
    'kubectl-baseline': `${root}dist/kubectl-baseline`,
  };
});

test('what is not run says why', () => {
  console.log(notRun.map((step) => `not run: ${step.path}, ${titleOf(step)}\n  ${step.reason}`).join('\n'));
  expect(notRun.filter(({ reason }) => reason.length < 10)).toEqual([]);
});

const tried = pages.filter(({ steps }) => steps.some(({ kind }) => kind === 'run'));

describe.each(tried)('$page.path', ({ page, steps }) => {
  let reader: Reader | undefined;
  let failed: string | undefined;
  const outputs = new Map<Shown, string>();

  beforeAll(async () => {
    reader = await Reader.start(programs);
  });
  afterAll(async () => {
    await reader?.[Symbol.asyncDispose]();
    if (outputs.size > 0) await writeFile(root + page.path, withOutput(page, outputs).text);
  });

  for (const step of steps) {
    if (step.kind === 'not run') continue;
    test(titleOf(step), async () => {
      if (failed !== undefined) throw new Error(`not tried, because of what failed before: ${failed}`);
      failed = titleOf(step);
      const difference = await reader
        ?.follow(step, isUpdate ? settledMs : undefined)
        .catch((error: unknown) => {
          throw new Error(`${String(error)}\n\nThe operator's log ends with:\n${reader?.operatorLog}`, {
            cause: error,
          });
        });
      failed = undefined;
      if (difference === undefined || step.kind !== 'run' || step.prints === undefined) return;
      if (!isUpdate) expect.fail(`${step.script}\n${difference.text}\n\n${howToUpdate}`);
      outputs.set(step.prints, difference.output);
    });
  }
});
