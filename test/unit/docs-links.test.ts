import { describe, expect, test } from 'vitest';
import { anchorsOf, brokenBecause, linksOf, reachableFrom } from '../support/docs-links.ts';
import { readPages } from '../support/docs-pages.ts';

const pages = new Map(readPages().map((page) => [page.path, page]));

describe('the documentation', () => {
  test('has no link into the repository that leads nowhere', () => {
    const broken = [...pages.values()].flatMap((page) =>
      linksOf(page).flatMap((link) => {
        const why = brokenBecause(link, pages);
        return why === undefined ? [] : [`${link.place} (${link.target}): ${why}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  test('can be read whole by following links from docs/README.md', () => {
    // Without the README's help, which shows but a few.
    const inside = new Map([...pages].filter(([path]) => path.startsWith('docs/')));
    const reached = reachableFrom('docs/README.md', inside);
    expect([...inside.keys()].filter((path) => !reached.has(path))).toEqual([]);
  });

  test('begins in the README', () => {
    const { path, text } = pages.get('README.md') ?? { path: '', text: '' };
    expect(linksOf({ path, text }).map((link) => link.path)).toContain('docs/README.md');
  });
});

describe('a link', () => {
  const page = (text: string) => ({ path: 'docs/page.md', text });
  const known = new Map([['docs/page.md', page('# One heading, `two` words\n\n## Twice\n## Twice\n')]]);
  const why = (markdown: string) => linksOf(page(markdown)).map((link) => brokenBecause(link, known));

  test('to a heading is held to what forges make of headings', () => {
    expect([...anchorsOf(known.get('docs/page.md') ?? page(''))]).toEqual([
      'one-heading-two-words',
      'twice',
      'twice-1',
    ]);
    expect(why('[a](#twice-1) [b](page.md#one-heading-two-words)')).not.toContainEqual(expect.anything());
    expect(why('[a](#thrice)')).toEqual(['docs/page.md has no heading #thrice']);
  });

  test('to a file that is not there, or out of the repository, is broken', () => {
    expect(why('[a](no-such-page.md)\n\n[b]: ../../elsewhere.md')).toEqual([
      'there is no docs/no-such-page.md',
      'leads out of the repository',
    ]);
  });

  test('in code, and to another site, is no link of ours', () => {
    expect(why('`[a](nowhere.md)` [b](https://kubernetes.io/docs)\n```text\n[c](nowhere.md)\n```')).toEqual(
      [],
    );
  });
});
