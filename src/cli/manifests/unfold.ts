/** Documents to objects: lists unfolded, what is no Kubernetes object told apart. */
import { group, apiVersion as knownApiVersion } from '../../api/labels.ts';
import type { KubernetesObject } from '../../api/objects.ts';
import { Field, isMap } from './field.ts';
import { ManifestObject } from './manifest-object.ts';
import { hasTemplate, type ParsedDocument, templateMessage } from './parse-documents.ts';
import type { FieldPath, ManifestProblem } from './source-location.ts';

/**
 * The objects of one document. A list (`kind: List`, or any kind that ends so and has items) gives its items.
 *
 * @param given whether the file was asked for by name: in a folder, a document that is no Kubernetes object at all (values of
 * a chart, say) is worth a note only
 */
export function* unfold(
  document: ParsedDocument,
  given: boolean,
): Generator<ManifestObject | ManifestProblem> {
  yield* unfoldAt(new Field(document.value), document, given);
}

function* unfoldAt(
  field: Field,
  document: ParsedDocument,
  given: boolean,
  inherited: { readonly apiVersion?: string; readonly kind?: string } = {},
): Generator<ManifestObject | ManifestProblem> {
  const problem = (message: string, path: FieldPath = field.path, severity: 'error' | 'note' = 'error') => ({
    severity,
    ...document.locate(path),
    message,
  });
  if (
    !isMap(field.value) ||
    (!field.at('kind').exists && !field.at('apiVersion').exists && inherited.kind === undefined)
  ) {
    yield problem(
      'this is not a Kubernetes object: it has neither apiVersion nor kind',
      field.path,
      given ? 'error' : 'note',
    );
    return;
  }
  const apiVersion = field.at('apiVersion').text ?? inherited.apiVersion;
  const kind = field.at('kind').text ?? inherited.kind;
  if (apiVersion === undefined) return yield problem('apiVersion is missing, or not a text');
  if (kind === undefined) return yield problem('kind is missing, or not a text');

  if (kind.endsWith('List') && Array.isArray(field.at('items').value)) {
    // The items of a typed list, as the API server answers with, carry neither of the two.
    const ofItems = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
    for (const item of field.at('items').items) yield* unfoldAt(item, document, given, ofItems);
    return;
  }
  const metadata = field.at('metadata');
  const generateName = metadata.at('generateName').text;
  const name = metadata.at('name').text ?? (generateName === undefined ? undefined : `${generateName}*`);
  if (name === undefined || name === '') {
    return yield problem(
      `${printable(kind)}: metadata.name is missing, or not a text (a number needs quotes)`,
    );
  }
  const namespace = metadata.at('namespace');
  if (namespace.exists && namespace.text === undefined) {
    return yield problem(
      `${printable(kind)} ${printable(name)}: metadata.namespace is not a text (a number needs quotes)`,
      namespace.path,
    );
  }
  for (const text of [apiVersion, kind, name, namespace.text ?? '']) {
    if (hasTemplate(text)) return yield problem(templateMessage);
    if (text.length > longestName || unprintable.test(text)) {
      return yield problem(
        `${printable(text.slice(0, 60))} is no name of a Kubernetes object or kind: too long, or with control characters`,
      );
    }
  }
  if (apiVersion !== knownApiVersion && apiVersion.startsWith(`${group}/`)) {
    return yield problem(`${kind} ${name} is of ${apiVersion}; this program knows ${knownApiVersion}`, [
      ...field.path,
      'apiVersion',
    ]);
  }
  for (const key of ['labels', 'annotations']) {
    const map = metadata.at(key);
    const wrong = map.entries.find(([, { text }]) => text === undefined);
    if ((map.exists && !isMap(map.value)) || wrong !== undefined) {
      return yield problem(
        `${kind} ${name}: metadata.${key} must map text to text (true and numbers need quotes)`,
        wrong?.[1].path ?? map.path,
      );
    }
  }
  // `namespace: ""` and null are the same as none.
  const { namespace: _, ...rest } = metadata.value as KubernetesObject['metadata'];
  const object: KubernetesObject = {
    ...field.value,
    apiVersion,
    kind,
    metadata: { ...rest, name, ...(namespace.text ? { namespace: namespace.text } : {}) },
  };
  yield new ManifestObject(object, (path) => document.locate([...field.path, ...path]));
}

/** The longest that any object's name can be. */
const longestName = 253;

/** Control characters, and those that change the direction of what follows: they would lie to whoever reads the output. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

/** The text with control characters made visible, for output. */
export function printable(text: string): string {
  return text.replace(new RegExp(unprintable.source, 'gu'), (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}
