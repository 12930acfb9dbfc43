import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { blocksOf, root } from '../support/docs-pages.ts';

test('what the README shows of the demo, the demo says', () => {
  const readme = { path: 'README.md', text: readFileSync(`${root}README.md`, 'utf8') };
  const [shown = ''] = blocksOf(readme)
    .map(({ text }) => text)
    .filter((text) => text.startsWith('1  Namespaces are created'));
  const said = globSync('tools/demo/*.ts', { cwd: root })
    .map((path) => readFileSync(root + path, 'utf8'))
    .join('\n');
  // Claims end in a time, and commands in a comment or where the line does.
  const claims = [...shown.matchAll(/^ {2}✓ (.+?) {2,}\d+ ms$/gm)].map((match) => match[1] ?? '');
  const commands = [...shown.matchAll(/^ {2}\$ (.+?)(?: {2}#.*| \\)?$/gm)].map((match) => match[1] ?? '');
  expect(claims.length).toBeGreaterThan(2);
  expect([...claims, ...commands].filter((text) => !said.includes(text))).toEqual([]);
});
