import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { root } from '../support/docs-pages.ts';
import { commandLineErrors, conditionTypes, longestConstant, reasons } from '../support/docs-reasons.ts';

const page = readFileSync(`${root}docs/troubleshooting.md`, 'utf8');
/** The first cells of all tables, without their backticks. */
const explained = [...page.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1] ?? '');

/** Not reasons, though they stand beside some: statuses, types, actions, and what no user can meet. */
const others = new Set(['True', 'False', 'Unknown', 'Harden', 'SecurityBaseline']);
const types = conditionTypes();
const known = [...reasons()].filter(
  (reason) => !others.has(reason) && (!types.has(reason) || reason === 'RemovalHeld'),
);

describe('troubleshooting explains', () => {
  test('every reason of a condition or event', () => {
    expect(known.filter((reason) => !explained.includes(reason))).toEqual([]);
  });

  test('every type of condition', () => {
    expect([...types].filter((type) => !explained.includes(type))).toEqual([]);
  });

  test('nothing that cannot be met', () => {
    const real = new Set([...known, ...types, 'guard', 'joining', 'leaving']);
    expect(explained.filter((each) => !real.has(each))).toEqual([]);
  });

  test('every error of the command line', () => {
    expect(commandLineErrors().filter((message) => !page.includes(message))).toEqual([]);
  });

  test('every rule at admission, and what it finds', async () => {
    const modules = globSync('tools/generate/policies/*.ts', { cwd: root }).map(
      (path) => import(root + path),
    );
    const policies = (await Promise.all(modules)).flatMap((module) => Object.values(module)).filter(isPolicy);
    expect(policies.length).toBeGreaterThan(7);
    const missing = policies
      .flatMap(({ validations }) => validations)
      .flatMap(({ name, found }) => [`\`${name}\``, constantIn(found)])
      .filter((text) => !page.includes(text));
    expect([...new Set(missing)]).toEqual([]);
  });
});

function isPolicy(value: unknown): value is { validations: readonly { name: string; found: string }[] } {
  return typeof value === 'object' && value !== null && 'validations' in value;
}

/** The longest text in a CEL expression that is the same in every message. */
function constantIn(expression: string): string {
  const texts = [...expression.matchAll(/'((?:[^'\\]|\\.)*)'/g)].map(({ 1: text = '' }) =>
    text.replaceAll('\\', ''),
  );
  return (texts.toSorted((a, b) => b.length - a.length)[0] ?? '').trim();
}

test('what is read from the sources is not nothing', () => {
  // One of each form in which reasons are written; should a form change, this fails before the others pass for nothing.
  expect(known).toEqual(
    expect.arrayContaining([
      'DriftRepaired',
      'Forbidden',
      'DnsNotFound',
      'BaselinesUnreadable',
      'RollingOut',
      'NamespacesPending',
      'PoliciesMissing',
      'ExceptionEnding',
      'TooLong',
      'ExceptionTooLong',
    ]),
  );
  expect(commandLineErrors().length).toBeGreaterThan(25);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what stands in a source.
  expect(longestConstant('there is no ${kind} "${name}" here, or it is gone')).toBe('here, or it is gone');
});
