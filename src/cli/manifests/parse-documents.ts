/** YAML and JSON text to values, document by document. */
import {
  Composer,
  type Document,
  isScalar,
  LineCounter,
  Parser,
  type SchemaOptions,
  type YAMLError,
} from 'yaml';
import type { ManifestLimits } from './limits.ts';
import { type PlainValue, plainValue, ValueError } from './plain-value.ts';
import type { FieldPath, ManifestProblem, SourceLocation } from './source-location.ts';

/** A document that could be read. */
export interface ParsedDocument {
  readonly value: unknown;
  /** Where a part of the value is written; of one that is not there, where the nearest part around it is. */
  locate(path: FieldPath): SourceLocation;
}

/**
 * YAML as kubectl reads it, that is as its Go library does: 1.1, with `yes` and `on` for true, 0644 in octal and
 * `<<`, but 22:22 is no number in base 60, and a date is a text.
 * Source: https://github.com/kubernetes-sigs/yaml
 */
const customTags: SchemaOptions['customTags'] = (tags) =>
  tags.filter(
    (tag) => typeof tag === 'string' || (tag.format !== 'TIME' && tag.tag !== 'tag:yaml.org,2002:timestamp'),
  );

/** Keys are compared in plain-value.ts: the library compares each with each. */
const composerOptions = { version: '1.1', uniqueKeys: false, prettyErrors: false, customTags } as const;

/**
 * The documents of a text, one after the other, with a problem in the place of each that is broken; a broken one does not keep
 * the others from being read. Empty documents are left out.
 *
 * @param file names the text in locations
 */
export function* parseDocuments(
  text: string,
  file: string,
  limits: ManifestLimits,
): Generator<ParsedDocument | ManifestProblem> {
  const lines = new LineCounter();
  const locate = (offset: number): SourceLocation => {
    const { line, col } = lines.linePos(offset);
    // The counter has no line 0, and says so for an empty text.
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const tokens = new Parser(lines.addNewLine).parse(text);
  for (const document of new Composer(composerOptions).compose(tokens)) {
    const start = document.range[0];
    const source = text.slice(start, document.range[2]);
    const [error] = document.errors;
    try {
      if (error !== undefined) throw new ValueError(messageOf(error), error.pos[0]);
      if (isBlank(document)) continue;
      yield parsed(plainValue(document, limits), locate);
    } catch (cause) {
      if (!(cause instanceof ValueError)) throw cause;
      const message = hasTemplate(source) ? templateMessage : `this document ${asClause(cause.message)}`;
      yield problem(locate(cause.offset), message);
    }
  }
}

/** What to do with a Helm template that nobody has rendered. */
export const templateMessage =
  'this is a template that is not rendered ({{ ... }}); render it first: helm template CHART | kubectl baseline check -f -';

/** Whether the text holds actions of Go's templates. */
export function hasTemplate(text: string): boolean {
  return text.includes('{{') && text.includes('}}');
}

function parsed({ value, offsetOf }: PlainValue, locate: (offset: number) => SourceLocation): ParsedDocument {
  return { value, locate: (path) => locate(offsetOf(path)) };
}

function problem({ file, line, column }: SourceLocation, message: string): ManifestProblem {
  return { severity: 'error', file, line, column, message };
}

/** Whether there is nothing between two `---`. */
function isBlank({ contents }: Document.Parsed): boolean {
  return contents === null || (isScalar(contents) && contents.value === null);
}

function messageOf({ code, message }: YAMLError): string {
  // The library composes recursively, and catches the overflow of the stack itself.
  if (code === 'RESOURCE_EXHAUSTION') return 'is nested too deeply';
  // Without the piece of the text that some messages quote: it may be a secret.
  return message.replace(/(?<=\w): .*$|\n.*$/s, '');
}

/** The library's messages are sentences of their own; ours go on from "this document". */
function asClause(message: string): string {
  return /^(is|has|its) /.test(message)
    ? message.replace(/^its /, 'is refused: its ')
    : `is not valid YAML: ${message}`;
}
