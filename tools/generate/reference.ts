/** The API reference, from the CRDs' descriptions and bounds: a table of fields for each kind. */
import type { Crd } from './types.ts';

interface Schema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxProperties?: number;
  readonly format?: string;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-validations'?: readonly { readonly message?: string }[];
}

/** The page for one kind, as Markdown. */
export function referenceOf(crd: Crd): string {
  const version = crd.spec.versions[0];
  if (version === undefined) throw new Error(`${crd.spec.names.kind} has no version`);
  const schema = version.schema.openAPIV3Schema as Schema;
  const lines = [
    `# ${crd.spec.names.kind}`,
    '',
    '<!-- Generated from crds/ by `make generate`. Do not edit. -->',
    '',
    schema.description ?? '',
    '',
  ];
  for (const part of ['spec', 'status']) {
    const properties = schema.properties?.[part];
    if (properties === undefined) continue;
    lines.push(`## ${part}`, '', properties.description ?? '', '');
    lines.push('| Field | Type | Default | Meaning |', '| --- | --- | --- | --- |');
    lines.push(...rowsOf(properties, part), '');
    lines.push(...rulesOf(properties, part));
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function rowsOf(schema: Schema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const field = `${path}.${name}`;
    const required = schema.required?.includes(name) ? ' (required)' : '';
    const defaultText = property.default === undefined ? '' : `\`${JSON.stringify(property.default)}\``;
    const meaning = [property.description ?? '', boundsOf(property)].filter((text) => text !== '').join(' ');
    const row = `| \`${field}\`${required} | ${typeOf(property)} | ${defaultText} | ${cell(meaning)} |`;
    return [row, ...nestedRows(property, field)];
  });
}

function nestedRows(property: Schema, field: string): string[] {
  if (isSelector(property)) return [];
  if (property.items?.properties !== undefined && !isSelector(property.items))
    return rowsOf(property.items, `${field}[]`);
  return property.properties === undefined ? [] : rowsOf(property, field);
}

/** Label selectors are the same everywhere, and known from Kubernetes. */
function isSelector(schema: Schema): boolean {
  return schema.title === 'LabelSelector';
}

function typeOf(schema: Schema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or string';
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.type === 'array') return `list of ${schema.items === undefined ? 'any' : typeOf(schema.items)}`;
  if (typeof schema.additionalProperties === 'object') return `map of ${typeOf(schema.additionalProperties)}`;
  if (schema.type === 'object') return schema.title ?? 'object';
  return schema.format === 'date-time' ? 'time (RFC 3339)' : (schema.type ?? 'any');
}

function boundsOf(schema: Schema): string {
  const bounds: string[] = [];
  if (schema.minimum !== undefined && schema.maximum !== undefined)
    bounds.push(`${schema.minimum} to ${schema.maximum}`);
  if (schema.maxItems !== undefined) bounds.push(`at most ${schema.maxItems} items`);
  if (schema.maxProperties !== undefined) bounds.push(`at most ${schema.maxProperties} entries`);
  if (schema.maxLength !== undefined && schema.enum === undefined)
    bounds.push(`at most ${schema.maxLength} characters`);
  return bounds.length === 0 ? '' : `(${bounds.join(', ')})`;
}

/** What the API server refuses, by field. */
function rulesOf(schema: Schema, path: string): string[] {
  const rules = collectRules(schema, path);
  if (rules.length === 0) return [];
  return ['The API server refuses what breaks these rules:', '', ...rules.map((rule) => `- ${rule}`), ''];
}

function collectRules(schema: Schema, path: string): string[] {
  const own = (schema['x-kubernetes-validations'] ?? []).map(({ message }) => `\`${path}\`: ${message}`);
  const nested = [
    ...Object.entries(schema.properties ?? {}).map(([name, part]) => [part, `${path}.${name}`] as const),
    ...(schema.items === undefined ? [] : [[schema.items, `${path}[]`] as const]),
    ...(typeof schema.additionalProperties === 'object'
      ? [[schema.additionalProperties, `${path}.*`] as const]
      : []),
  ];
  return [
    ...own,
    ...nested.flatMap(([part, name]) =>
      isSelector(part) && path !== 'spec' ? [] : collectRules(part, name),
    ),
  ];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
