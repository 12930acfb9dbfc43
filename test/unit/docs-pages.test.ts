import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { differenceOf } from '../support/docs-output.ts';
import { readPages, root, type Shown, stepsOf, withOutput } from '../support/docs-pages.ts';

const page = (...lines: string[]) => ({ path: 'docs/page.md', text: lines.join('\n') });

describe('in a page', () => {
  test('files, commands and what they print come in the order of the page', () => {
    const steps = stepsOf(
      page(
        '<!-- given',
        'kubectl create namespace shop',
        '-->',
        '```yaml',
        '# tenant.yaml',
        'kind: SecurityBaseline',
        '```',
        'Then:',
        '```sh',
        'kubectl apply -f tenant.yaml',
        '```',
        '```text',
        'created',
        '```',
        '```console',
        '$ kubectl get \\',
        '    pods',
        'NAME',
        '$ kubectl get nodes',
        '```',
      ),
    );
    expect(steps).toEqual([
      { kind: 'run', line: 1, script: 'kubectl create namespace shop', prints: undefined, exits: 0 },
      { kind: 'file', line: 4, name: 'tenant.yaml', content: '# tenant.yaml\nkind: SecurityBaseline\n' },
      {
        kind: 'run',
        line: 9,
        script: 'kubectl apply -f tenant.yaml\n',
        prints: { text: 'created\n', line: 13 },
        exits: 0,
      },
      {
        kind: 'run',
        line: 16,
        script: 'kubectl get \\\n    pods',
        prints: { text: 'NAME\n', line: 18 },
        exits: 0,
      },
      { kind: 'run', line: 19, script: 'kubectl get nodes', prints: { text: '', line: 20 }, exits: 0 },
    ]);
  });

  test('a mark is for the block that follows, and no other', () => {
    const steps = stepsOf(
      page(
        '<!-- not run: needs a node -->',
        '```sh',
        'kubectl logs web',
        '```',
        '```sh',
        'true',
        '```',
        '<!-- exits: 2 -->',
        'Prose comes between.',
        '```sh',
        'true',
        '```',
        '<!-- exits: 2 -->',
        '```console',
        '$ true',
        '$ exit 2',
        '```',
      ),
    );
    expect(steps).toMatchObject([
      { kind: 'not run', reason: 'needs a node' },
      { kind: 'run', exits: 0 },
      { kind: 'run', exits: 0 },
      { kind: 'run', exits: 0 },
      { kind: 'run', script: 'exit 2', exits: 2 },
    ]);
  });

  test('what was printed can be put in place of what is shown', () => {
    const old = page(
      '```sh',
      'one',
      '```',
      '```text',
      'a',
      'b',
      '```',
      '```console',
      '$ two',
      '$ three',
      'c',
      '```',
    );
    const outputs = new Map<Shown, string>();
    for (const step of stepsOf(old)) {
      if (step.kind === 'run' && step.prints !== undefined)
        outputs.set(step.prints, `of ${step.script.trim()}\n`);
    }
    expect(withOutput(old, outputs).text.split('\n')).toEqual([
      '```sh',
      'one',
      '```',
      '```text',
      'of one',
      '```',
      '```console',
      '$ two',
      'of two',
      '$ three',
      'of three',
      '```',
    ]);
  });

  test('a mark that gives no reason is refused', () => {
    expect(() => stepsOf(page('<!-- not run: -->', '```sh', 'true', '```'))).toThrow('does not say why');
  });

  test('what would run the tests themselves has to be marked', () => {
    expect(() => stepsOf(page('```sh', 'make bench', '```'))).toThrow('docs/page.md:1: this is to be marked');
    expect(() => stepsOf(page('<!-- not run: an hour -->', '```sh', 'make bench', '```'))).not.toThrow();
  });

  test.each([
    ['of another shell', '```bash', 'kubectl get pods'],
    ['without a language', '```', '$ kubectl get pods'],
  ])('commands in a block %s are refused, because nobody would try them', (_, fence, command) => {
    expect(() => stepsOf(page(fence, command, '```'))).toThrow('docs/page.md:1: commands are in a block');
  });
});

test('every page of the documentation can be read as steps', () => {
  const wrong = readPages().flatMap((each) => {
    try {
      stepsOf(each);
      return [];
    } catch (error) {
      return [String(error)];
    }
  });
  expect(wrong).toEqual([]);
});

test('what a page says of a test that does it instead is of one that is there', () => {
  const missing = readPages().flatMap((each) =>
    stepsOf(each).flatMap((step) => {
      const named = step.kind === 'not run' ? (step.reason.match(/\btest\/[\w./-]+/g) ?? []) : [];
      return named
        .filter((path) => !existsSync(root + path))
        .map((path) => `${each.path}:${step.line}: ${path}`);
    }),
  );
  expect(missing).toEqual([]);
});

describe('what a page shows', () => {
  test('may differ from what is printed in ages, times, UIDs, the names of pods and the widths of columns', () => {
    const shown = ['NAME  AGE', 'web-5d9c7b7d8f-x2x4p   8s', 'at 2026-11-22T08:00:00Z', '  indented'].join(
      '\n',
    );
    const printed = [
      'NAME            AGE',
      'web-7d8f5d9c7b-aaaaa   2m10s',
      'at 2027-01-01T00:00:00Z',
      '  indented',
    ];
    expect(differenceOf(shown, printed.join('\n'))).toBeUndefined();
    expect(
      differenceOf('uid: 01234567-89ab-cdef-0123-456789abcdef', 'uid: fedcba98-7654-3210-fedc-ba9876543210'),
    ).toBe(undefined);
  });

  test.each([
    ['a number', 'selected 4', 'selected 5'],
    ['a quantity, which is no age', 'cpu: 500m', 'cpu: 100m'],
    ['a line too many', 'one', 'one\ntwo'],
    ['a line that is missing', 'one\ntwo', 'one'],
    ['an indentation', '  one', 'one'],
    ['anything at all where nothing was shown', '', 'one'],
  ])('must be the same in all else: %s', (_, shown, printed) => {
    expect(differenceOf(shown, printed)).toContain('printed was:');
  });

  test('may leave lines out where it says so', () => {
    expect(differenceOf('one\n...\nfour', 'one\ntwo\nthree\nfour')).toBeUndefined();
    expect(differenceOf('one\n...\nfour', 'one\ntwo\nthree')).toContain('printed was:');
  });
});
