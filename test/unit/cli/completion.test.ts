/** Completion, as the shells ask for it; in bash, which every machine has, with the script itself. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { scripts, shells } from '../../../src/cli/completion/scripts.ts';
import { cli } from '../../integration/cli/cli.ts';
import { expectGolden } from './golden.ts';

async function words(...line: readonly string[]): Promise<readonly string[]> {
  const { out } = await cli(['__complete', ...line]);
  return out
    .split('\n')
    .filter(Boolean)
    .map((each) => each.split('\t')[0] ?? '');
}

describe('what comes next', () => {
  test('commands, and nothing hidden', async () => {
    expect(await words('')).toEqual([
      'init',
      'plan',
      'status',
      'explain',
      'why-denied',
      'check',
      'can-connect',
      'connections',
      'exception',
      'completion',
    ]);
    expect(await words('con')).toEqual(['connections']);
    expect(await words('exception', '')).toEqual(['request', 'approve', 'list']);
  });

  test('flags of the command, and the values of a flag', async () => {
    expect(await words('plan', '--fa')).toEqual(['--fail-on']);
    expect(await words('connections', '-o', 'm')).toEqual(['matrix', 'mermaid']);
    expect(await words('completion', '')).toEqual([...shells]);
  });

  test('nothing where only a file or a name will do', async () => {
    expect(await words('plan', '-f', '')).toEqual([]);
  });
});

test.each(shells)('the script for %s', async (shell) => {
  const { code, out } = await cli(['completion', shell]);
  expect(out).toBe(scripts[shell]);
  expectGolden(`completion/${shell}.txt`, out);
  expect(code).toBe(0);
});

test('the script for bash completes in bash', () => {
  const program =
    'kubectl-baseline() { [[ "$1" == __complete && "$2" == connections && "$3" == -o && "$4" == ma ]] && printf "matrix\\tdescription\\n"; }';
  const script = `${program}\n${scripts.bash}\nCOMP_WORDS=(kubectl-baseline connections -o ma); COMP_CWORD=3; _kubectl_baseline; printf '%s' "\${COMPREPLY[*]}"`;
  expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' })).toBe('matrix');
});
