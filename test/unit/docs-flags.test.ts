import { readFileSync } from 'node:fs';
import { Command, type Option } from 'commander';
import { afterEach, expect, test, vi } from 'vitest';
import { parseOptions } from '../../src/options.ts';
import { root } from '../support/docs-pages.ts';

afterEach(() => vi.restoreAllMocks());

/** The operator's options, as it declares them. */
function declaredOptions(): readonly Option[] {
  let options: readonly Option[] = [];
  const parse = vi.spyOn(Command.prototype, 'parse');
  parse.mockImplementation(function (this: Command) {
    options = this.options;
    return this;
  });
  parseOptions([], '0.0.0');
  return options.filter(({ long }) => long !== '--version');
}

test('the table of flags in docs/operations.md is that of the program', () => {
  const page = readFileSync(`${root}docs/operations.md`, 'utf8');
  const rows = [...page.matchAll(/^\| `(--[\w-]+)` \| (.*?) \| (.*?) \|/gm)].map(
    ([, flag, variable = '', value = '']) => ({
      flag,
      variable: variable.replaceAll('`', ''),
      default: value.replaceAll('`', ''),
    }),
  );
  const declared = declaredOptions().map(
    ({ long, envVar, defaultValue, defaultValueDescription, negate }) => ({
      flag: long,
      variable: envVar ?? 'none',
      default: negate ? 'none' : (defaultValueDescription ?? String(defaultValue ?? 'none')),
    }),
  );
  expect(declared.length).toBeGreaterThan(10);
  const byFlag = (a: { flag: string | undefined }, b: { flag: string | undefined }) =>
    String(a.flag).localeCompare(String(b.flag));
  expect(rows.toSorted(byFlag)).toEqual(declared.toSorted(byFlag));
});
