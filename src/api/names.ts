/** Names of managed objects: `<baseline>.<item>`, reserved for the operator. */

/** Items that the operator derives; a baseline cannot use these names for items of its own. */
export const derivedItems = {
  defaultDeny: 'default-deny',
  allowDns: 'allow-dns',
  allowSameNamespace: 'allow-same-namespace',
  allowKubernetesApi: 'allow-kubernetes-api',
  allowInternet: 'allow-internet',
  allowCloudMetadata: 'allow-cloud-metadata',
  allowNodes: 'allow-nodes',
  allowGateway: 'allow-gateway',
  allowMonitoring: 'allow-monitoring',
  allowWebhooks: 'allow-webhooks',
  /** Followed by the exception's name. */
  exceptionPrefix: 'exception-',
} as const;

/** The name of a managed object. Baselines are named by DNS labels, so the first dot always parts the two. */
export function objectName(baseline: string, item: string): string {
  return `${baseline}.${item}`;
}

/** The service account that every namespace has from the start. */
export const defaultServiceAccountName = 'default';
