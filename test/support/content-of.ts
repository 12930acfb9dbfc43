import type { ServedObject } from './rest-client.ts';

/** What an object says: without its status and what only the API server knows, such as its UID. */
export function contentOf({ apiVersion: _, kind, metadata, status: __, ...content }: ServedObject): object {
  const { labels, annotations = {}, finalizers, ownerReferences, name } = metadata;
  const owned = { ...(finalizers && { finalizers }), ...(ownerReferences && { ownerReferences }) };
  return { kind, name, labels, annotations, ...owned, ...content };
}
