/**
 * What a user can meet, read from the sources, so that a page that explains it all can be held to it: reasons and types of conditions, reasons
 * of events, messages of the command line. Text is read, not types, since reasons are strings wherever they are used.
 */
import { globSync, readFileSync } from 'node:fs';
import { root } from './docs-pages.ts';

function sources(pattern: string): readonly string[] {
  return globSync(pattern, { cwd: root })
    .sort()
    .map((path) => readFileSync(root + path, 'utf8'));
}

const word = /'([A-Z][A-Za-z]+)'/g;

function wordsIn(text: string): string[] {
  return [...text.matchAll(word)].map((match) => match[1] ?? '');
}

/** The reasons of conditions and events, of both kinds. */
export function reasons(): ReadonlySet<string> {
  const found = new Set<string>();
  for (const text of sources('src/{controller,baseline}/**/*.ts')) {
    // Where they are written out, or compared with: `reason: 'Weakened'`, `missing[0]?.reason ?? 'NamespacesFailing'`.
    for (const line of text.split('\n'))
      if (/reason/i.test(line)) for (const each of wordsIn(line)) found.add(each);
    // Where they are types: `readonly reason: 'Forbidden' | ...;`, `type HoldReason = ...;`
    for (const match of text.matchAll(/(?:\breason:|type \w*Reason =)([^;{}()]*);/g)) {
      for (const each of wordsIn(match[1] ?? '')) found.add(each);
    }
    // `fact('Ready', 'True', 'Reconciled', ...)`
    for (const match of text.matchAll(/fact\(\s*'\w+',\s*'\w+',\s*'(\w+)'/g)) found.add(match[1] ?? '');
    for (const match of text.matchAll(/'(Exception[A-Z]\w+)'/g)) found.add(match[1] ?? '');
    // What becomes of an exception is the reason of its conditions, and with `Exception` before it that of an event.
    for (const match of text.matchAll(/\bstate:((?:\s*\/\*\*[^*]*\*\/|\s*\||\s*'\w+')+);/g)) {
      for (const each of wordsIn(match[1] ?? '')) found.add(each).add(`Exception${each}`);
    }
  }
  return found;
}

/** The types of conditions. */
export function conditionTypes(): ReadonlySet<string> {
  const found = new Set<string>();
  for (const text of sources('src/controller/*-status.ts')) {
    for (const match of text.matchAll(/fact\(\s*'(\w+)',\s*'(?:True|False|Unknown)'/g))
      found.add(match[1] ?? '');
  }
  return found;
}

/** What the command line says when it gives up: the longest constant part of each message. */
export function commandLineErrors(): readonly string[] {
  return [
    ...new Set(
      sources('src/cli/**/*.ts').flatMap((text) =>
        [...text.matchAll(/new UserError\(/g)].flatMap((match) =>
          literalsIn(firstArgument(text, match.index + match[0].length)).map(longestConstant),
        ),
      ),
    ),
  ].filter((text) => /\w{3}/.test(text));
}

/** Up to the comma or the bracket that ends it. */
function firstArgument(text: string, start: number): string {
  let depth = 0;
  let quote = '';
  for (let at = start; at < text.length; at++) {
    const char = text[at] ?? '';
    if (quote !== '') {
      if (char === quote && text[at - 1] !== '\\') quote = '';
    } else if (/['"`]/.test(char)) quote = char;
    else if (/[([{]/.test(char)) depth++;
    else if (depth === 0 && /[,)]/.test(char)) return text.slice(start, at);
    else if (/[)\]}]/.test(char)) depth--;
  }
  return text.slice(start);
}

function literalsIn(argument: string): string[] {
  // A template within a template is filled in, too.
  const flat = argument.replaceAll(/\$\{[^`{}]*`[^`]*`\s*\}/g, '$' + '{}');
  return [...flat.matchAll(/'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g)].map(
    (match) => match[1] ?? match[2] ?? '',
  );
}

/** The longest part between what is filled in. */
export function longestConstant(template: string): string {
  const parts = template.split(/\$\{(?:[^{}]|\{[^{}]*\})*\}/);
  return (parts.toSorted((a, b) => b.length - a.length)[0] ?? '').replaceAll(/^["\s]+|["\s]+$/g, '');
}
