import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rules } from '../../../../src/cli/check/catalogue.ts';

const guide = readFileSync(new URL('../../../../docs/guides/check.md', import.meta.url), 'utf8');

it('the guide lists the rules of the catalogue, in its words', () => {
  const listed = guide.split('\n').filter((line) => /^\| SB\d{3} /.test(line));
  const catalogued = rules.map(
    ({ id, name, severity, title, fix }) => `| ${[id, name, severity, title, fix].join(' | ')} |`,
  );
  expect(listed).toEqual(catalogued);
});
