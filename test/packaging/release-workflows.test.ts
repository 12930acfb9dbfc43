/** What a public forge runs: checked here, since it runs nowhere else. */
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { actionlint } from '../../tools/foreign/actionlint.ts';

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}
interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly uses?: string;
  readonly steps?: readonly { readonly uses?: string; readonly run?: string }[];
}

const workflows = globSync('.github/workflows/*.yml').sort();
const workflowOf = (file: string): Workflow => parse(readFileSync(file, 'utf8')) as Workflow;
const jobsOf = (file: string): readonly Job[] => Object.values(workflowOf(file).jobs);

describe.each(workflows)('%s', (file) => {
  test('is understood by actionlint', async () => {
    const program = await actionlint.path();
    // Without the checks of scripts, whose programs are only on some machines.
    const args = ['-no-color', '-shellcheck=', '-pyflakes=', file];
    const { stdout } = await promisify(execFile)(program, args).catch((error) => error);
    expect(stdout).toBe('');
  });

  test('gives no permission to all jobs but to read', () => {
    const { permissions } = workflowOf(file);
    expect(permissions).toBeDefined();
    for (const permission of Object.values(permissions ?? {})) expect(permission).toBe('read');
  });

  test('names every action by its version', () => {
    const actions = jobsOf(file).flatMap(({ steps = [] }) => steps.flatMap(({ uses }) => uses ?? []));
    expect(actions.length).toBeGreaterThan(0);
    for (const action of actions) expect(action).toMatch(/^[\w.-]+\/[\w.-]+@(v\d+|[0-9a-f]{40})$/);
  });

  test('runs no code of the repository in a job that may write', () => {
    for (const { permissions = {}, steps = [] } of jobsOf(file)) {
      if (!Object.values(permissions).includes('write')) continue;
      expect(steps.map(({ uses = '' }) => uses.split('@')[0])).not.toContain('actions/checkout');
    }
  });

  test('puts no text that others write into a script', () => {
    const scripts = jobsOf(file).flatMap(({ steps = [] }) => steps.flatMap(({ run }) => run ?? []));
    for (const script of scripts) expect(script).not.toContain('${{');
  });
});

test('CI runs what everybody runs', () => {
  const [job] = jobsOf('.github/workflows/ci.yml');
  expect(job?.steps?.map(({ run }) => run)).toContainEqual(expect.stringMatching(/ \.ci\/run$/));
});
