/** The links of the documentation, and where they lead. */
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { type Page, proseOf, root } from './docs-pages.ts';

/** A link to something in the repository. */
export interface Link {
  /** Where it stands, such as `docs/README.md:12`. */
  readonly place: string;
  /** As written. */
  readonly target: string;
  /** What it leads to, from the repository's root; the page itself for a bare `#anchor`. */
  readonly path: string;
  /** Without the `#`; empty for none. */
  readonly anchor: string;
}

/** The links of a page that lead into the repository: `[text](target)`, also by reference. */
export function linksOf(page: Page): readonly Link[] {
  return proseOf(page)
    .split('\n')
    .flatMap((line, index) => {
      const plain = line.replaceAll(/`[^`]*`/g, (code) => ' '.repeat(code.length));
      const targets = [
        ...plain.matchAll(/\]\(([^()\s]+)(?:\s+"[^"]*")?\)/g),
        ...plain.matchAll(/^\[[^\]]+\]:\s+(\S+)/g),
      ].map((match) => match[1] ?? '');
      return targets
        .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
        .map((target) => {
          const [path = '', anchor = ''] = target.split('#');
          const resolved = path === '' ? page.path : normalize(join(dirname(page.path), path));
          return { place: `${page.path}:${index + 1}`, target, path: resolved.replace(/\/$/, ''), anchor };
        });
    });
}

/** Why a link leads nowhere; undefined where it does lead somewhere. */
export function brokenBecause(link: Link, pages: ReadonlyMap<string, Page>): string | undefined {
  if (link.path.startsWith('..')) return 'leads out of the repository';
  const page = pages.get(link.path);
  if (page === undefined && !existsSync(root + link.path)) return `there is no ${link.path}`;
  if (link.anchor === '') return undefined;
  if (page === undefined) return `${link.path} is no page of the documentation, so its anchors are not known`;
  return anchorsOf(page).has(link.anchor) ? undefined : `${link.path} has no heading #${link.anchor}`;
}

/** The anchors that forges give a page's headings. */
export function anchorsOf(page: Page): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const line of proseOf(page).split('\n')) {
    for (const match of line.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(match[1] ?? '');
    const heading = /^#{1,6}\s+(.+?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-');
    for (let n = 0; ; n++) {
      const candidate = n === 0 ? slug : `${slug}-${n}`;
      if (anchors.has(candidate)) continue;
      anchors.add(candidate);
      break;
    }
  }
  return anchors;
}

/** The pages that can be come to from one, by links alone. */
export function reachableFrom(start: string, pages: ReadonlyMap<string, Page>): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [start];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const page = pages.get(path) ?? pages.get(`${path}/README.md`);
    if (page === undefined || reached.has(page.path)) continue;
    reached.add(page.path);
    open.push(...linksOf(page).map((link) => link.path));
  }
  return reached;
}
