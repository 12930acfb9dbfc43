/** Who changed an object, as far as a metric may tell: a label's values must be few, whatever people call their tools. */
const actorsByManager = [
  ['kubectl', /^kubectl/],
  ['argocd', /^argocd/],
  ['flux', /^(flux|kustomize-controller|helm-controller)/],
  ['helm', /^helm$/i],
  ['terraform', /^(terraform|hashicorp)/i],
  ['pulumi', /^pulumi/],
  ['kubernetes', /^(kube-|kubelet$)/],
] as const;

/** `unknown`: nobody is named, as when an object was deleted. `other`: somebody who is not in the list; logs and Events say who. */
export type Actor = (typeof actorsByManager)[number][0] | 'other' | 'unknown';

/** All of them. */
export const actors: readonly Actor[] = [...actorsByManager.map(([actor]) => actor), 'other', 'unknown'];

/**
 * Who a field manager is. A manager's name is what the client says of itself: good for finding whom to ask, no evidence.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers
 */
export function actorOf(manager: string | undefined): Actor {
  if (manager === undefined || manager === '') return 'unknown';
  return actorsByManager.find(([, pattern]) => pattern.test(manager))?.[0] ?? 'other';
}
