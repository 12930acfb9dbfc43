/** What the guide and config/argocd tell people to apply, as objects: so that what is tested is what they read. */
import { readFileSync } from 'node:fs';
import type { KubernetesObject } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { readManifests } from '../../../tools/operator/manifests.ts';
import { blocksOf, root } from '../../support/docs-pages.ts';
import type { Body } from '../../support/rest-client.ts';

const path = 'docs/guides/gitops.md';

/** An object in the guide, whole. */
export interface GuideObject extends KubernetesObject {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: Body;
}

/**
 * The object of a kind that the guide shows.
 *
 * @throws where it shows none, or several
 */
export function fromGuide(kind: string): GuideObject {
  const text = readFileSync(root + path, 'utf8');
  const found = blocksOf({ path, text })
    .filter(({ language }) => language === 'yaml')
    .flatMap((block) => parseAllDocuments(block.text).map((document) => document.toJS() as GuideObject))
    .filter((object) => object.kind === kind && object.spec !== undefined);
  const [object] = found;
  if (object === undefined || found.length > 1) throw new Error(`${path} shows ${found.length} of ${kind}`);
  return object;
}

/** The ConfigMap of config/argocd. */
export function argoConfigMap(): { readonly data: Readonly<Record<string, string>> } {
  const [object] = readManifests('config/argocd/argocd-cm.yaml');
  return object as unknown as { data: Record<string, string> };
}
