/**
 * The documentation, read as something that can be tried: what is to be run, with which files beside it, and what comes of it.
 *
 * In a page, from top to bottom:
 * - a `sh` block is run; a `text` block right after it is what it prints
 * - a `console` block is a session: each `$ ` line is run, and the lines below it are what it prints
 * - a `yaml` block whose first line is a comment such as `# tenant.yaml` is a file of that name
 * - `<!-- given` ... `-->` holds commands that a reader has run already, or need not see; they are run, too
 * - `<!-- not run: why -->` before a block: it is not run
 * - `<!-- exits: 2 -->` before a block: the last command ends so; without it, every command has to succeed
 */
import { globSync, readFileSync } from 'node:fs';

/** The repository. */
export const root = new URL('../../', import.meta.url).pathname;

/** A fenced block of a page. */
export interface Block {
  /** The first word after the fence; empty where there is none. */
  readonly language: string;
  readonly text: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
}

/** Output as a page shows it. */
export interface Shown {
  readonly text: string;
  /** Its first line in the page, from 1. */
  readonly line: number;
}

/** Something that is done, in the order of the page. */
export type Step =
  | { readonly kind: 'file'; readonly line: number; readonly name: string; readonly content: string }
  | {
      readonly kind: 'run';
      readonly line: number;
      readonly script: string;
      /** What it has to print; undefined where the page does not say. */
      readonly prints: Shown | undefined;
      readonly exits: number;
    }
  | { readonly kind: 'not run'; readonly line: number; readonly script: string; readonly reason: string };

/** A page of the documentation. */
export interface Page {
  /** From the repository's root, such as `docs/concepts.md`. */
  readonly path: string;
  readonly text: string;
}

/** Every page that a user reads. */
export function readPages(): readonly Page[] {
  return ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/**/*.md']
    .flatMap((pattern) => globSync(pattern, { cwd: root }))
    .sort()
    .map((path) => ({ path, text: readFileSync(root + path, 'utf8') }));
}

type Item =
  | { readonly kind: 'block'; readonly line: number; readonly block: Block }
  | { readonly kind: 'comment'; readonly line: number; readonly text: string }
  | { readonly kind: 'prose'; readonly line: number; readonly text: string };

/** The page's blocks, with nothing read into them. */
export function blocksOf(page: Page): readonly Block[] {
  return itemsOf(page).flatMap((item) => (item.kind === 'block' ? [item.block] : []));
}

/** The page without what is fenced or commented out, its line numbers kept. */
export function proseOf(page: Page): string {
  const lines = page.text.split('\n').map(() => '');
  for (const item of itemsOf(page)) if (item.kind === 'prose') lines[item.line - 1] = item.text;
  return lines.join('\n');
}

/** Languages whose blocks hold commands in a form that is not run here. */
const foreignShells = ['bash', 'shell', 'zsh', 'terminal', 'shell-session', 'sh-session'];

/**
 * What there is to do in a page.
 *
 * @throws where a block holds commands in a form that would not be tried, or a mark does not say why
 */
export function stepsOf(page: Page): readonly Step[] {
  const steps: Step[] = [];
  let marks = new Map<string, string>();
  const items = itemsOf(page).filter((item) => item.kind !== 'prose' || item.text.trim() !== '');
  for (const [index, item] of items.entries()) {
    const place = `${page.path}:${item.line}`;
    if (item.kind === 'prose') {
      marks = new Map();
    } else if (item.kind === 'comment') {
      const given = /^given\n([\s\S]+)$/.exec(item.text);
      if (given !== null)
        steps.push({ kind: 'run', line: item.line, script: given[1] ?? '', prints: undefined, exits: 0 });
      const mark = /^(not run|not checked|exits)\b:?\s*([\s\S]*)$/.exec(item.text);
      if (mark?.[1] === undefined) continue;
      if (!mark[2]) throw new Error(`${place}: <!-- ${mark[1]}: ... --> does not say why, or what`);
      marks.set(mark[1], mark[2].replaceAll(/\s+/g, ' ').trim());
    } else {
      const next = items[index + 1];
      const printed =
        next?.kind === 'block' && next.block.language === 'text'
          ? { text: next.block.text, line: next.line + 1 }
          : undefined;
      steps.push(...stepsOfBlock(item.block, marks, printed, place));
      marks = new Map();
    }
  }
  return steps;
}

function stepsOfBlock(
  block: Block,
  marks: ReadonlyMap<string, string>,
  printed: Shown | undefined,
  place: string,
): Step[] {
  const { language, text, line } = block;
  if (
    foreignShells.includes(language) ||
    (language === '' && /^(\$ )?(kubectl|helm|make|npm) /m.test(text))
  ) {
    throw new Error(`${place}: commands are in a block that is not sh or console, so nobody tries them`);
  }
  if (language === 'yaml') {
    const name = /^# ([\w./-]+\.ya?ml)$/m.exec(text.split('\n', 1)[0] ?? '')?.[1];
    return name === undefined ? [] : [{ kind: 'file', line, name, content: text }];
  }
  if (language !== 'sh' && language !== 'console') return [];
  const reason = marks.get('not run');
  if (reason !== undefined) return [{ kind: 'not run', line, script: text, reason }];
  // They would run these tests, or not end.
  if (/^(?:\$ )?(?:make|npm run) (?:demo|test|chaos|bench|controlplane)\b/m.test(text)) {
    throw new Error(`${place}: this is to be marked: <!-- not run: why -->`);
  }
  const exits = Number(marks.get('exits') ?? 0);
  if (language === 'sh') return [{ kind: 'run', line, script: text, prints: printed, exits }];
  const session = sessionOf(text, line);
  if (session.length === 0) throw new Error(`${place}: a console block without a line that begins with "$ "`);
  return session.map((step, index) => ({ ...step, exits: index === session.length - 1 ? exits : 0 }));
}

/** The commands of a session; one that ends in a backslash goes on in the next line. */
function sessionOf(
  text: string,
  firstLine: number,
): readonly Omit<Extract<Step, { kind: 'run' }>, 'exits'>[] {
  const commands: { line: number; script: string; prints: { text: string; line: number } }[] = [];
  let goesOn = false;
  for (const [index, content] of text.trimEnd().split('\n').entries()) {
    const last = commands.at(-1);
    const line = firstLine + 1 + index;
    if (goesOn && last !== undefined) {
      last.script += `\n${content}`;
      last.prints.line = line + 1;
    } else if (content.startsWith('$ ')) {
      commands.push({ line, script: content.slice(2), prints: { text: '', line: line + 1 } });
    } else if (last !== undefined) last.prints.text += `${content}\n`;
    goesOn = (goesOn || content.startsWith('$ ')) && content.endsWith('\\');
  }
  return commands.map((command) => ({ kind: 'run', ...command }));
}

/** The page with other output in place of what it shows. */
export function withOutput({ path, text }: Page, outputs: ReadonlyMap<Shown, string>): Page {
  const lines = text.split('\n');
  for (const [shown, output] of [...outputs].toSorted(([a], [b]) => b.line - a.line)) {
    const linesOf = (content: string): string[] => (content === '' ? [] : content.trimEnd().split('\n'));
    lines.splice(shown.line - 1, linesOf(shown.text).length, ...linesOf(output));
  }
  return { path, text: lines.join('\n') };
}

function itemsOf({ text, path }: Page): readonly Item[] {
  const items: Item[] = [];
  const lines = text.split('\n');
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? '';
    const number = index + 1;
    const fence = /^( *)(`{3,})\s*(\S*)/.exec(line);
    if (fence !== null) {
      const [, indent = '', ticks = '', language = ''] = fence;
      const end = lines.findIndex((other, at) => at > index && other.trimEnd() === indent + ticks);
      if (end < 0) throw new Error(`${path}:${number}: a block that does not end`);
      const content = lines
        .slice(index + 1, end)
        .map((each) => (each.startsWith(indent) ? each.slice(indent.length) : each));
      items.push({
        kind: 'block',
        line: number,
        block: { language, text: content.map((each) => `${each}\n`).join(''), line: number },
      });
      index = end;
    } else if (line.trimStart().startsWith('<!--')) {
      const end = lines.findIndex((other, at) => at >= index && other.includes('-->'));
      if (end < 0) throw new Error(`${path}:${number}: a comment that does not end`);
      const whole = lines.slice(index, end + 1).join('\n');
      items.push({ kind: 'comment', line: number, text: /<!--([\s\S]*?)-->/.exec(whole)?.[1]?.trim() ?? '' });
      index = end;
    } else items.push({ kind: 'prose', line: number, text: line });
  }
  return items;
}
