/**
 * What a SecurityBaseline's spec may hold, in short: the CRD's schema without its bounds, so that a baseline in a file that nobody
 * has applied yet is not believed to ask for what a misspelt field cannot say. A test compares it with crds/.
 */

/** `'[]'` is a list, `'*'` a map with any keys, a key that ends in `!` is required; a list of texts is an enumeration. */
export type Shape =
  | 'text'
  | 'number'
  | 'flag'
  | 'scalar'
  | readonly string[]
  | { readonly [key: string]: Shape };

const labelSelectorRequirement: Shape = {
  'key!': 'text',
  'operator!': ['In', 'NotIn', 'Exists', 'DoesNotExist'],
  values: { '[]': 'text' },
};

const labelSelector: Shape = {
  matchLabels: { '*': 'text' },
  matchExpressions: { '[]': labelSelectorRequirement },
};

const dnsPeer: Shape = {
  namespace: 'text',
  podSelector: labelSelector,
  ports: { '[]': 'number' },
  nodeLocalAddress: 'text',
};

const kubernetesAPIPeer: Shape = { justification: 'text' };

const networkPolicyPort: Shape = { port: 'scalar', endPort: 'number', protocol: ['TCP', 'UDP', 'SCTP'] };

const internetPeer: Shape = { 'justification!': 'text', ports: { '[]': networkPolicyPort } };

const cloudMetadataPeer: Shape = { 'justification!': 'text' };

const nodesPeer: Shape = { 'justification!': 'text', ports: { '[]': networkPolicyPort } };

const gatewayPeer: Shape = {
  'namespace!': 'text',
  podSelector: labelSelector,
  'justification!': 'text',
  ports: { '[]': networkPolicyPort },
};

const monitoringPeer: Shape = {
  'namespace!': 'text',
  podSelector: labelSelector,
  'justification!': 'text',
  ports: { '[]': networkPolicyPort },
};

const webhooksPeer: Shape = {
  'justification!': 'text',
  podSelector: labelSelector,
  'ports!': { '[]': networkPolicyPort },
};

const namedPeers: Shape = {
  dns: dnsPeer,
  sameNamespace: {},
  kubernetesAPI: kubernetesAPIPeer,
  internet: internetPeer,
  cloudMetadata: cloudMetadataPeer,
  nodes: nodesPeer,
  gateway: gatewayPeer,
  monitoring: monitoringPeer,
  webhooks: webhooksPeer,
};

const iPBlock: Shape = { 'cidr!': 'text', except: { '[]': 'text' } };

const networkPolicyPeer: Shape = {
  podSelector: labelSelector,
  namespaceSelector: labelSelector,
  ipBlock: iPBlock,
};

const networkPolicyIngressRule: Shape = {
  anyPeer: 'flag',
  from: { '[]': networkPolicyPeer },
  ports: { '[]': networkPolicyPort },
};

const networkPolicyEgressRule: Shape = {
  anyPeer: 'flag',
  to: { '[]': networkPolicyPeer },
  ports: { '[]': networkPolicyPort },
};

const networkPolicySpec: Shape = {
  'podSelector!': labelSelector,
  policyTypes: { '[]': ['Ingress', 'Egress'] },
  ingress: { '[]': networkPolicyIngressRule },
  egress: { '[]': networkPolicyEgressRule },
};

const networkPolicyItem: Shape = { 'name!': 'text', 'justification!': 'text', 'spec!': networkPolicySpec };

const networkPolicySection: Shape = {
  tenantPolicies: ['Allow', 'Restrict', 'Forbid'],
  defaultDeny: { '[]': ['Ingress', 'Egress'] },
  allow: namedPeers,
  policies: { '[]': networkPolicyItem },
};

const quotaScopes = [
  'Terminating',
  'NotTerminating',
  'BestEffort',
  'NotBestEffort',
  'PriorityClass',
  'CrossNamespacePodAffinity',
  'VolumeAttributesClass',
];

const scopedResourceSelectorRequirement: Shape = {
  'scopeName!': quotaScopes,
  'operator!': ['In', 'NotIn', 'Exists', 'DoesNotExist'],
  values: { '[]': 'text' },
};

const scopeSelector: Shape = { matchExpressions: { '[]': scopedResourceSelectorRequirement } };

const resourceQuotaSpec: Shape = {
  'hard!': { '*': 'scalar' },
  scopes: { '[]': quotaScopes },
  scopeSelector: scopeSelector,
};

const resourceQuotaItem: Shape = { 'name!': 'text', 'spec!': resourceQuotaSpec };

const limitRangeLimit: Shape = {
  'type!': ['Container', 'Pod', 'PersistentVolumeClaim'],
  max: { '*': 'scalar' },
  min: { '*': 'scalar' },
  default: { '*': 'scalar' },
  defaultRequest: { '*': 'scalar' },
  maxLimitRequestRatio: { '*': 'scalar' },
};

const limitRangeSpec: Shape = { 'limits!': { '[]': limitRangeLimit } };

const limitRangeItem: Shape = { 'name!': 'text', 'spec!': limitRangeSpec };

const policyRule: Shape = {
  'apiGroups!': { '[]': 'text' },
  'resources!': { '[]': 'text' },
  'verbs!': { '[]': 'text' },
  resourceNames: { '[]': 'text' },
};

const serviceAccountItem: Shape = {
  'name!': 'text',
  automountToken: 'flag',
  imagePullSecrets: { '[]': 'text' },
  clusterRoles: { '[]': 'text' },
  rules: { '[]': policyRule },
};

const defaultServiceAccount: Shape = { 'automountToken!': 'flag' };

const podSecurity: Shape = {
  enforce: ['baseline', 'restricted'],
  audit: ['baseline', 'restricted'],
  warn: ['baseline', 'restricted'],
  version: 'text',
};

const imageRules: Shape = {
  registries: { '[]': 'text' },
  requireDigest: 'flag',
  forbidTags: { '[]': 'text' },
};

const exposureRules: Shape = {
  forbid: { '[]': ['NodePort', 'LoadBalancer', 'ExternalIPs', 'HostPort', 'HostNetwork'] },
  requireIngressTLS: 'flag',
};

const workloadRules: Shape = {
  forbidDefaultServiceAccount: 'flag',
  requireRequestsAndLimits: 'flag',
  forbidUnrequestedToken: 'flag',
};

const admission: Shape = {
  holdPodsUntilHardened: 'flag',
  images: imageRules,
  exposure: exposureRules,
  workloads: workloadRules,
};

const exceptionsSection: Shape = {
  'allow!': { '[]': ['Egress', 'Ingress', 'Quota', 'PodSecurity', 'Images'] },
  maxDuration: 'text',
};

/** The spec of a SecurityBaseline. */
export const baselineSpecShape: Shape = {
  'namespaceSelector!': labelSelector,
  excludeNamespaces: { '[]': 'text' },
  mode: ['Enforce', 'Audit'],
  joining: ['Open', 'Guarded'],
  priority: 'number',
  deletionPolicy: ['Delete', 'Orphan'],
  networkPolicy: networkPolicySection,
  resourceQuotas: { '[]': resourceQuotaItem },
  limitRanges: { '[]': limitRangeItem },
  serviceAccounts: { '[]': serviceAccountItem },
  defaultServiceAccount: defaultServiceAccount,
  podSecurity: podSecurity,
  admission: admission,
  exceptions: exceptionsSection,
};
