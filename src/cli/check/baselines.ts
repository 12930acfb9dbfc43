/** Baselines out of manifests, believed only as far as the CRD's schema goes. */
import { isDeepStrictEqual } from 'node:util';
import type { SecurityBaseline } from '../../api/types.generated.ts';
import { type Field, isMap } from '../manifests/field.ts';
import type { ManifestObject } from '../manifests/manifest-object.ts';
import { formatPath, type ManifestProblem } from '../manifests/source-location.ts';
import { baselineSpecShape, type Shape } from './baseline-shape.ts';

/** Whether the object is a SecurityBaseline; the reader has refused those of unknown versions. */
export function isBaseline({ group, kind }: ManifestObject): boolean {
  return group === 'securitybaseline.io' && kind === 'SecurityBaseline';
}

/** The baselines among the objects. One that the API server would refuse is a problem: it would protect nothing. */
export function baselinesIn(objects: readonly ManifestObject[]): {
  readonly baselines: readonly SecurityBaseline[];
  readonly problems: readonly ManifestProblem[];
} {
  const baselines = new Map<string, SecurityBaseline>();
  const problems: ManifestProblem[] = [];
  for (const object of objects.filter(isBaseline)) {
    const spec = object.root.at('spec');
    const misfits = [...misfitsOf(spec, baselineSpecShape)];
    for (const { field, message } of misfits) {
      const text = `SecurityBaseline ${object.name}: ${formatPath(field.path)} ${message}`;
      problems.push({ severity: 'error', ...object.locate(field.path), message: text });
    }
    // The shape is that of the type, of which the schema's bounds are no part.
    const { apiVersion, kind, metadata } = object.object;
    const baseline = { apiVersion, kind, metadata, spec: withoutNulls(spec.value) } as SecurityBaseline;
    const before = baselines.get(object.name);
    if (before !== undefined && !isDeepStrictEqual(before.spec, baseline.spec)) {
      const message = `SecurityBaseline ${object.name} comes twice, and differs; give one of them`;
      problems.push({ severity: 'error', ...object.location, message });
    } else if (misfits.length === 0) {
      baselines.set(object.name, baseline);
    }
  }
  return { baselines: [...baselines.values()], problems };
}

interface Misfit {
  readonly field: Field;
  readonly message: string;
}

function* misfitsOf(field: Field, shape: Shape): Generator<Misfit> {
  if (typeof shape === 'string') {
    const isRight =
      { text: field.text, number: field.number, flag: field.flag, scalar: field.scalar }[shape] !== undefined;
    const names = { text: 'a text', number: 'a number', flag: 'true or false', scalar: 'a text or a number' };
    if (!isRight) yield { field, message: `must be ${names[shape]}` };
  } else if (isEnumeration(shape)) {
    if (!shape.includes(field.text ?? '')) yield { field, message: `must be one of ${shape.join(', ')}` };
  } else if (shape['[]'] !== undefined) {
    if (!Array.isArray(field.value)) yield { field, message: 'must be a list' };
    for (const item of field.items) yield* misfitsOf(item, shape['[]']);
  } else if (!isMap(field.value)) {
    yield { field, message: 'must be a map' };
  } else if (shape['*'] !== undefined) {
    for (const [, value] of field.entries) yield* misfitsOf(value, shape['*']);
  } else {
    yield* misfitsOfFields(field, shape);
  }
}

function* misfitsOfFields(field: Field, shape: { readonly [key: string]: Shape }): Generator<Misfit> {
  for (const key of Object.keys(shape)) {
    const name = key.replace(/!$/, '');
    if (key.endsWith('!') && !field.at(name).exists) yield { field: field.at(name), message: 'is missing' };
  }
  for (const [key, value] of field.entries) {
    const known = own(shape, key) ?? own(shape, `${key}!`);
    if (known === undefined) yield { field: value, message: 'is no field of a SecurityBaseline' };
    else if (value.exists) yield* misfitsOf(value, known);
  }
}

function own(shape: { readonly [key: string]: Shape }, key: string): Shape | undefined {
  return Object.hasOwn(shape, key) ? shape[key] : undefined;
}

function isEnumeration(shape: Shape): shape is readonly string[] {
  return Array.isArray(shape);
}

/** The API server drops fields that are null. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) => (part === null ? [] : [[key, withoutNulls(part)]])),
  );
}
