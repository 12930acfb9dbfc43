/** Findings that a manifest asks to be left out of account, with the reason. */
import { group } from '../../api/labels.ts';
import type { ManifestObject } from '../manifests/manifest-object.ts';

/** On an object: `SB601=a password for tests only; SB402=sized by the autoscaler`. A reason is required. */
export const ignoreAnnotation = `${group}/ignore`;

/** The reasons by rule, and the parts of the annotation that are not understood. */
export interface Ignored {
  readonly reasons: ReadonlyMap<string, string>;
  readonly invalid: readonly string[];
}

/** What the object asks to have ignored. */
export function ignoredBy({ root }: ManifestObject): Ignored {
  const text = root.at('metadata', 'annotations').at(ignoreAnnotation).text ?? '';
  const reasons = new Map<string, string>();
  const invalid: string[] = [];
  for (const part of text.split(/[;\n]/).map((part) => part.trim())) {
    if (part === '') continue;
    const [, id, reason] = /^(SB\d{3})\s*=\s*(\S.*)$/.exec(part) ?? [];
    if (id === undefined || reason === undefined) invalid.push(part);
    else reasons.set(id, reason);
  }
  return { reasons, invalid };
}
