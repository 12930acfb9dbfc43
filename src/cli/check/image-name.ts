/**
 * Names of images as container runtimes read them, and as the admission policies do (tools/generate/policies).
 * Source: https://pkg.go.dev/github.com/distribution/reference#ParseDockerRef
 */
import type { Field } from '../manifests/field.ts';
import { containersOf } from './pod-templates.ts';

/**
 * The full name: with the registry, `library/`, and the tag latest where there is neither tag nor digest. Upper case is kept: in
 * the first part it makes a host of it, and equals no registry that is listed.
 */
export function normalizedImage(image: string): string {
  const [name = ''] = image.split('@', 1);
  const [first = ''] = name.split('/', 1);
  const hasHost = name.includes('/') && /[.:A-Z]|^localhost$/.test(first);
  let full = hasHost ? image.replace(/^index\.docker\.io\//, 'docker.io/') : `docker.io/${image}`;
  if (/^docker\.io\/[^/]+$/.test(full.split('@', 1)[0] ?? ''))
    full = full.replace('docker.io/', 'docker.io/library/');
  return full.includes('@') || /:[^/]*$/.test(full) ? full : `${full}:latest`;
}

/**
 * Whether an image comes from a source: a prefix that ends in `/`, or else exactly one repository.
 *
 * @param image a normalized name
 */
export function isFrom(image: string, source: string): boolean {
  return source.endsWith('/')
    ? image.startsWith(source)
    : image.startsWith(`${source}:`) || image.startsWith(`${source}@`);
}

/** Whether the image is given with its digest, in full. */
export function hasDigest(image: string): boolean {
  return /@sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$/.test(image);
}

/** Whether the image, a normalized name, has this tag (also beside a digest). */
export function hasTag(image: string, tag: string): boolean {
  return (image.split('@', 1)[0] ?? '').endsWith(`:${tag}`);
}

/** An image that a pod names, and where. */
export interface UsedImage {
  readonly field: Field;
  /** Normalized. */
  readonly image: string;
}

/** The images of a pod: of its containers of all kinds and of its image volumes. */
export function imagesOf(spec: Field): readonly UsedImage[] {
  const fields = [
    ...containersOf(spec).map((container) => container.at('image')),
    ...spec.at('volumes').items.map((volume) => volume.at('image', 'reference')),
  ];
  return fields.flatMap((field) =>
    field.text === undefined || field.text === '' ? [] : [{ field, image: normalizedImage(field.text) }],
  );
}
