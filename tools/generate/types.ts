/**
 * TypeScript types from the CRDs' OpenAPI schemas, so that the contract is written once.
 * Shared parts of a schema (YAML anchors) become one type each, named by their `title`.
 */
import { compile, type JSONSchema } from 'json-schema-to-typescript';

/** The parts of a CustomResourceDefinition that types are made from. */
export interface Crd {
  readonly spec: {
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: JsonObject };
    }[];
  };
}

type JsonObject = { readonly [key: string]: unknown };

const banner = `// Generated from crds/ by \`make generate\`. Do not edit.
import type { ObjectMeta } from './objects.ts';
`;

/** The source text of the module with the types of all the CRDs. */
export async function typesOf(crds: readonly Crd[]): Promise<string> {
  const simplify = simplifier();
  const properties = Object.fromEntries(
    crds.map((crd) => {
      const schema = crd.spec.versions[0]?.schema.openAPIV3Schema;
      if (schema === undefined) throw new Error(`${crd.spec.names.kind} has no version`);
      return [
        crd.spec.names.kind,
        { ...simplify(schema), required: ['apiVersion', 'kind', 'metadata', 'spec'] },
      ];
    }),
  );
  const text = await compile({ title: 'Contract', type: 'object', properties } as JSONSchema, 'Contract', {
    additionalProperties: false,
    bannerComment: '',
    ignoreMinAndMaxItems: true,
    style: { singleQuote: true, printWidth: 110 },
    unknownAny: true,
  });
  // The wrapper that makes one module of several roots is of no use to readers.
  const withoutWrapper = text.replace(/export interface Contract \{[\s\S]*?\n\}\n/, '');
  return `${banner}\n${withoutWrapper}`;
}

/** Drops what only the API server reads; the same part in gives the same part out, so that it is named once. */
function simplifier(): (schema: JsonObject) => JsonObject {
  const seen = new Map<unknown, unknown>();
  const titled = new Map<string, unknown>();
  const walk = (value: unknown, key?: string): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const known = seen.get(value);
    if (known !== undefined) return known;
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      seen.set(value, items);
      items.push(...value.map((item) => walk(item)));
      return items;
    }
    const result: Record<string, unknown> = {};
    seen.set(value, result);
    for (const [name, part] of Object.entries(value)) {
      if (name.startsWith('x-kubernetes-') || name === 'pattern' || name === 'format') continue;
      if (name === 'metadata' && key === 'properties') result[name] = { tsType: 'ObjectMeta' };
      else result[name] = walk(part, name);
    }
    if (typeof result.title === 'string') {
      // Two CRDs that share a part write it out twice; it is one type all the same.
      const text = JSON.stringify(result);
      const known = titled.get(text);
      seen.set(value, known ?? result);
      if (known !== undefined) return known;
      titled.set(text, result);
    }
    return result;
  };
  return (schema) => walk(schema) as JsonObject;
}
