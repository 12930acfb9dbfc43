// Generated from crds/ by `make generate`. Do not edit.
import type { ObjectMeta } from './objects.ts';

/**
 * A BaselineException asks for a relaxation of the baselines that select its namespace. It takes effect once it is approved, within what every one of them allows, and ends by itself.
 */
export interface BaselineException {
  /**
   * APIVersion of this object: securitybaseline.io/v1alpha1.
   */
  apiVersion: string;
  /**
   * Kind of this object: BaselineException.
   */
  kind: string;
  metadata: ObjectMeta;
  spec: BaselineExceptionSpec;
  status?: BaselineExceptionStatus;
}
/**
 * What is asked for. It cannot be changed, so that an approval stays one for what was asked.
 */
export interface BaselineExceptionSpec {
  /**
   * Why this is needed. Example: "migration reads from the legacy database until cut-over".
   */
  reason: string;
  /**
   * Where it was discussed. Example: SEC-12.
   */
  ticket?: string;
  /**
   * When it ends, by the second, RFC 3339. At most the shortest maxDuration of the selecting baselines after its creation. Example: 2027-01-31T18:00:00Z.
   */
  expiresAt: string;
  podSelector?: LabelSelector;
  /**
   * @maxItems 24
   */
  ingress?: NetworkPolicyIngressRule[];
  /**
   * @maxItems 24
   */
  egress?: NetworkPolicyEgressRule[];
  quota?: QuotaRelaxation;
  podSecurity?: PodSecurityRelaxation;
  images?: ImagesRelaxation;
}
/**
 * A label selector. An empty selector ({}) matches everything. All of matchLabels and matchExpressions must hold.
 */
export interface LabelSelector {
  /**
   * Labels that must be there with these values. Example: {environment: prod}.
   */
  matchLabels?: {
    [k: string]: string;
  };
  /**
   * Requirements on labels. Example: [{key: tier, operator: NotIn, values: [lab]}].
   *
   * @maxItems 8
   */
  matchExpressions?: LabelSelectorRequirement[];
}
export interface LabelSelectorRequirement {
  /**
   * The label key, with or without a prefix. Example: app.kubernetes.io/part-of.
   */
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /**
   * @maxItems 32
   */
  values?: string[];
}
export interface NetworkPolicyIngressRule {
  /**
   * Says that this rule is meant to have no peers, which allows everybody.
   */
  anyPeer?: boolean;
  /**
   * @maxItems 32
   */
  from?: NetworkPolicyPeer[];
  /**
   * @maxItems 32
   */
  ports?: NetworkPolicyPort[];
}
export interface NetworkPolicyPeer {
  podSelector?: LabelSelector;
  namespaceSelector?: LabelSelector;
  ipBlock?: IPBlock;
}
export interface IPBlock {
  /**
   * A CIDR, IPv4 or IPv6. Example: 198.51.100.0/24.
   */
  cidr: string;
  /**
   * @maxItems 32
   *
   * Items: A CIDR, IPv4 or IPv6. Example: 198.51.100.0/24.
   */
  except?: string[];
}
export interface NetworkPolicyPort {
  /**
   * A port number from 1 to 65535, or the name of a container port.
   */
  port?: number | string;
  endPort?: number;
  protocol?: 'TCP' | 'UDP' | 'SCTP';
}
export interface NetworkPolicyEgressRule {
  /**
   * Says that this rule is meant to have no peers, which allows everybody.
   */
  anyPeer?: boolean;
  /**
   * @maxItems 32
   */
  to?: NetworkPolicyPeer[];
  /**
   * @maxItems 32
   */
  ports?: NetworkPolicyPort[];
}
/**
 * Raises the managed ResourceQuotas of the namespace.
 */
export interface QuotaRelaxation {
  /**
   * Limits are raised to these where they are lower. Example: {pods: "200"}.
   */
  hard: {
    [k: string]: number | string;
  };
}
/**
 * Lowers the enforced Pod Security level of the namespace.
 */
export interface PodSecurityRelaxation {
  /**
   * The level to enforce instead: baseline or privileged.
   */
  enforce: 'baseline' | 'privileged';
}
/**
 * Allows images that the baselines' admission rules refuse.
 */
export interface ImagesRelaxation {
  /**
   * Further registries or repositories, as prefixes. Example: ["docker.io/library/redis"].
   *
   * @minItems 1
   * @maxItems 8
   */
  registries: string[];
}
/**
 * The approval, written by an approver, and what came of it, written by the operator.
 */
export interface BaselineExceptionStatus {
  approval?: Approval;
  /**
   * The generation of the spec that this status is about.
   */
  observedGeneration?: number;
  /**
   * What it relaxes, in words, while it is in effect.
   *
   * @maxItems 8
   */
  relaxes?: string[];
  /**
   * Until when it is in effect; absent while it is not.
   */
  until?: string;
  /**
   * Active says whether the exception is in effect, and why not; Stalled, that it never will be. There is no Ready: GitOps tools would wait for it, and approving is for people.
   *
   * @maxItems 16
   */
  conditions?: Condition[];
}
/**
 * Written through /status by somebody who may, which tenants' roles never include.
 */
export interface Approval {
  /**
   * Who approved it.
   */
  by: string;
  /**
   * The UID of the exception that was approved, so that none made later under its name is.
   */
  uid: string;
  /**
   * The generation that was approved.
   */
  generation: number;
  /**
   * When it was approved, RFC 3339.
   */
  at?: string;
  /**
   * What the approver has to say.
   */
  note?: string;
}
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  observedGeneration?: number;
  lastTransitionTime: string;
  reason: string;
  message: string;
}
/**
 * A SecurityBaseline declares the objects and labels that every namespace it selects must have. The operator puts them in place within moments of a namespace's creation and repairs them when they are changed.
 */
export interface SecurityBaseline {
  /**
   * APIVersion of this object: securitybaseline.io/v1alpha1.
   */
  apiVersion: string;
  /**
   * Kind of this object: SecurityBaseline.
   */
  kind: string;
  metadata: ObjectMeta;
  spec: SecurityBaselineSpec;
  status?: SecurityBaselineStatus;
}
/**
 * What the selected namespaces must have.
 */
export interface SecurityBaselineSpec {
  namespaceSelector: LabelSelector;
  /**
   * Namespaces to leave out, by name or glob, on top of the operator's protected namespaces. `*` stands for any run of characters. Example: ["sandbox-*"].
   *
   * @maxItems 64
   */
  excludeNamespaces?: string[];
  /**
   * Enforce puts everything in place. Audit computes and reports what would change, and writes nothing into namespaces.
   */
  mode?: 'Enforce' | 'Audit';
  /**
   * Who may create a namespace that this baseline selects. Open: whoever may create namespaces. Guarded: only who has the verb join on this baseline. (To relabel an existing namespace into or out of any baseline always takes the verb join or leave.) Example: Guarded.
   */
  joining?: 'Open' | 'Guarded';
  /**
   * Decides only where two baselines cannot both hold (a ServiceAccount of one name, LimitRange defaults for one resource): the higher wins, then the name that sorts first.
   */
  priority?: number;
  /**
   * What becomes of the objects when a namespace is no longer selected or this baseline is deleted. Delete removes them; Orphan leaves them behind, no longer managed.
   */
  deletionPolicy?: 'Delete' | 'Orphan';
  networkPolicy?: NetworkPolicySection;
  /**
   * ResourceQuotas. Several add up as in Kubernetes; the tightest bites.
   *
   * @minItems 1
   * @maxItems 16
   */
  resourceQuotas?: ResourceQuotaItem[];
  /**
   * LimitRanges. Where two baselines give a default for one resource and type, the higher priority wins.
   *
   * @minItems 1
   * @maxItems 16
   */
  limitRanges?: LimitRangeItem[];
  /**
   * ServiceAccounts, each with a Role of its own. Pods refer to them by exactly this name.
   *
   * @minItems 1
   * @maxItems 16
   */
  serviceAccounts?: ServiceAccountItem[];
  defaultServiceAccount?: DefaultServiceAccount;
  podSecurity?: PodSecurity;
  admission?: Admission;
  exceptions?: ExceptionsSection;
}
/**
 * Default deny, the named allowances and NetworkPolicies of your own.
 */
export interface NetworkPolicySection {
  /**
   * What tenants may do with NetworkPolicies of their own, which add to ours and so can undo a default deny. Restrict: in the denied directions every rule must name its peers: pods of the same namespace, namespaces by kubernetes.io/metadata.name, or at most 32 ipBlocks of /16 or narrower (IPv6: /32) without a metadata address. Forbid: none at all. Allow: anything; one that opens what is denied is then reported as weakening. Example: Restrict.
   */
  tenantPolicies?: 'Allow' | 'Restrict' | 'Forbid';
  /**
   * The directions that are denied unless a policy allows them, for every pod in the namespace. Example: [Ingress, Egress].
   *
   * @minItems 1
   * @maxItems 2
   */
  defaultDeny?: ('Ingress' | 'Egress')[];
  allow?: NamedPeers;
  /**
   * NetworkPolicies of your own, each with the reason why it is needed.
   *
   * @maxItems 32
   */
  policies?: NetworkPolicyItem[];
}
/**
 * Common peers by name, each expanded for the cluster at hand.
 */
export interface NamedPeers {
  dns?: DnsPeer;
  sameNamespace?: SameNamespacePeer;
  kubernetesAPI?: KubernetesAPIPeer;
  internet?: InternetPeer;
  cloudMetadata?: CloudMetadataPeer;
  nodes?: NodesPeer;
  gateway?: GatewayPeer;
  monitoring?: MonitoringPeer;
  webhooks?: WebhooksPeer;
}
/**
 * Egress to the cluster's DNS, over UDP and TCP. Found by itself when left empty ({}): the pods behind the Service kube-system/kube-dns, or OpenShift's openshift-dns/dns-default.
 */
export interface DnsPeer {
  /**
   * The name of the namespace. Example: kube-system.
   */
  namespace?: string;
  podSelector?: LabelSelector;
  /**
   * The ports that the DNS pods listen on. Default: 53. OpenShift uses 5353.
   *
   * @minItems 1
   * @maxItems 8
   */
  ports?: number[];
  /**
   * The address of NodeLocal DNSCache, allowed besides the pods. Example: 169.254.20.10.
   */
  nodeLocalAddress?: string;
}
/**
 * Pods of one namespace may reach each other, on every port.
 */
export interface SameNamespacePeer {}
/**
 * Egress to the API server: exactly the addresses and ports in the EndpointSlices of the Service default/kubernetes, IPv4 and IPv6. Example: {}.
 */
export interface KubernetesAPIPeer {
  /**
   * Why this is needed. Kept as an annotation on the object, for whoever audits it.
   */
  justification?: string;
}
/**
 * Egress to public addresses, IPv4 and IPv6: none that is private, shared, link-local (cloud metadata), loopback, multicast, reserved or the cluster's own. The cluster's pod ranges are read from the Nodes, or given to the operator as --cluster-cidrs. Example: {justification: "calls the payment provider", ports: [{port: 443}]}.
 */
export interface InternetPeer {
  /**
   * Why this is needed. Kept as an annotation on the object, for whoever audits it.
   */
  justification: string;
  /**
   * @maxItems 32
   */
  ports?: NetworkPolicyPort[];
}
/**
 * Egress to the cloud's metadata service, 169.254.169.254 and fd00:ec2::254, TCP port 80. It may hand out the node's credentials. Example: {justification: "reads its instance identity"}.
 */
export interface CloudMetadataPeer {
  /**
   * Why this is needed. Kept as an annotation on the object, for whoever audits it.
   */
  justification: string;
}
/**
 * Egress to the internal addresses of the cluster's Nodes, followed as they come and go; of at most 1,000 Nodes. Example: {justification: "scrapes kubelets", ports: [{port: 10250}]}.
 */
export interface NodesPeer {
  /**
   * Why this is needed. Kept as an annotation on the object, for whoever audits it.
   */
  justification: string;
  /**
   * @maxItems 32
   */
  ports?: NetworkPolicyPort[];
}
/**
 * Ingress from a gateway or ingress controller in a namespace of its own; podSelector narrows it to some of the pods there. Ports are those of the pods behind it. Example: {namespace: ingress-nginx, justification: "serves the public site", ports: [{port: http}]}.
 */
export interface GatewayPeer {
  /**
   * The name of the namespace. Example: kube-system.
   */
  namespace: string;
  podSelector?: LabelSelector;
  /**
   * Why this is needed. Kept as an annotation on the object, for whoever audits it.
   */
  justification: string;
  /**
   * @maxItems 32
   */
  ports?: NetworkPolicyPort[];
}
/**
 * Ingress from a monitoring system in a namespace of its own; podSelector narrows it to some of the pods there. Ports are those of the pods that it reads. Example: {namespace: monitoring, justification: "scrapes metrics", ports: [{port: metrics}]}.
 */
export interface MonitoringPeer {
  /**
   * The name of the namespace. Example: kube-system.
   */
  namespace: string;
  podSelector?: LabelSelector;
  /**
   * Why this is needed. Kept as an annotation on the object, for whoever audits it.
   */
  justification: string;
  /**
   * @maxItems 32
   */
  ports?: NetworkPolicyPort[];
}
/**
 * Ingress from the API server's addresses (those of kubernetesAPI), for admission and conversion webhooks and aggregated APIs served in the namespace; podSelector says by which pods, by default by any. Example: {justification: "validates orders", ports: [{port: 8443}]}.
 */
export interface WebhooksPeer {
  /**
   * Why this is needed. Kept as an annotation on the object, for whoever audits it.
   */
  justification: string;
  podSelector?: LabelSelector;
  /**
   * @maxItems 32
   */
  ports: NetworkPolicyPort[];
}
export interface NetworkPolicyItem {
  /**
   * Names the object: <baseline>.<name>.
   */
  name: string;
  /**
   * Why this is needed. Kept as an annotation on the object, for whoever audits it.
   */
  justification: string;
  spec: NetworkPolicySpec;
}
/**
 * A NetworkPolicy spec (networking.k8s.io/v1). A rule without peers allows everybody, so it must say so with anyPeer: true.
 */
export interface NetworkPolicySpec {
  podSelector: LabelSelector;
  /**
   * The directions this policy is about. Default: Ingress, and Egress where egress is given.
   *
   * @maxItems 2
   */
  policyTypes?: ('Ingress' | 'Egress')[];
  /**
   * @maxItems 24
   */
  ingress?: NetworkPolicyIngressRule[];
  /**
   * @maxItems 24
   */
  egress?: NetworkPolicyEgressRule[];
}
export interface ResourceQuotaItem {
  /**
   * Names the object: <baseline>.<name>.
   */
  name: string;
  spec: ResourceQuotaSpec;
}
/**
 * A ResourceQuota spec (v1).
 */
export interface ResourceQuotaSpec {
  /**
   * The limit for each resource. Example: {requests.cpu: "20", pods: "100"}.
   */
  hard: {
    [k: string]: number | string;
  };
  /**
   * @maxItems 8
   */
  scopes?: (
    | 'Terminating'
    | 'NotTerminating'
    | 'BestEffort'
    | 'NotBestEffort'
    | 'PriorityClass'
    | 'CrossNamespacePodAffinity'
    | 'VolumeAttributesClass'
  )[];
  scopeSelector?: ScopeSelector;
}
export interface ScopeSelector {
  /**
   * @maxItems 8
   */
  matchExpressions?: ScopedResourceSelectorRequirement[];
}
export interface ScopedResourceSelectorRequirement {
  scopeName:
    | 'Terminating'
    | 'NotTerminating'
    | 'BestEffort'
    | 'NotBestEffort'
    | 'PriorityClass'
    | 'CrossNamespacePodAffinity'
    | 'VolumeAttributesClass';
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /**
   * @maxItems 32
   */
  values?: string[];
}
export interface LimitRangeItem {
  /**
   * Names the object: <baseline>.<name>.
   */
  name: string;
  spec: LimitRangeSpec;
}
/**
 * A LimitRange spec (v1).
 */
export interface LimitRangeSpec {
  /**
   * @minItems 1
   * @maxItems 8
   */
  limits: LimitRangeLimit[];
}
export interface LimitRangeLimit {
  type: 'Container' | 'Pod' | 'PersistentVolumeClaim';
  max?: {
    [k: string]: number | string;
  };
  min?: {
    [k: string]: number | string;
  };
  default?: {
    [k: string]: number | string;
  };
  defaultRequest?: {
    [k: string]: number | string;
  };
  maxLimitRequestRatio?: {
    [k: string]: number | string;
  };
}
export interface ServiceAccountItem {
  /**
   * The name of the ServiceAccount, as pods refer to it. Example: app.
   */
  name: string;
  /**
   * Whether pods get an API token mounted unless they say otherwise.
   */
  automountToken?: boolean;
  /**
   * Names of Secrets in the namespace, used to pull images. The operator reads no Secrets.
   *
   * @maxItems 16
   */
  imagePullSecrets?: string[];
  /**
   * ClusterRoles to bind to it, in the namespace. Only those that a rule in the grantable ClusterRole names, with the verb bind and resourceNames. Example: [view].
   *
   * @minItems 1
   * @maxItems 8
   */
  clusterRoles?: string[];
  /**
   * The rules of its Role. Only what the platform team has put into the grantable ClusterRole (label securitybaseline.io/grantable: "true") can be granted.
   *
   * @minItems 1
   * @maxItems 32
   */
  rules?: PolicyRule[];
}
/**
 * A rule of a Role (rbac.authorization.k8s.io/v1). Wildcards are refused.
 */
export interface PolicyRule {
  /**
   * @minItems 1
   * @maxItems 16
   */
  apiGroups: string[];
  /**
   * @minItems 1
   * @maxItems 32
   */
  resources: string[];
  /**
   * @minItems 1
   * @maxItems 16
   */
  verbs: string[];
  /**
   * @maxItems 32
   */
  resourceNames?: string[];
}
/**
 * The namespace's own default ServiceAccount.
 */
export interface DefaultServiceAccount {
  /**
   * false: pods that use the default ServiceAccount get no API token unless they ask for it.
   */
  automountToken: boolean;
}
/**
 * Pod Security Admission levels, set as labels on the namespace. The strictest of several baselines wins, per mode.
 */
export interface PodSecurity {
  /**
   * A Pod Security Standard: baseline or restricted.
   */
  enforce?: 'baseline' | 'restricted';
  /**
   * A Pod Security Standard: baseline or restricted.
   */
  audit?: 'baseline' | 'restricted';
  /**
   * A Pod Security Standard: baseline or restricted.
   */
  warn?: 'baseline' | 'restricted';
  /**
   * The version of the standard: latest, or a Kubernetes minor version such as v1.36.
   */
  version?: string;
}
/**
 * What the API server refuses in selected namespaces, by ValidatingAdmissionPolicies that are installed with the operator and read this baseline themselves: it bites on the next request, also while the operator is down. In Audit mode they warn instead.
 */
export interface Admission {
  /**
   * true: no pod is admitted into a namespace before everything that this baseline asks for has been seen in place there. What creates pods (Deployments, Jobs) tries again by itself. Default: false.
   */
  holdPodsUntilHardened?: boolean;
  images?: ImageRules;
  exposure?: ExposureRules;
  workloads?: WorkloadRules;
}
/**
 * What images containers, init containers, ephemeral containers and image volumes may use. Names are compared as the container runtime reads them: nginx is docker.io/library/nginx:latest.
 */
export interface ImageRules {
  /**
   * Where images may come from: a prefix that ends in '/', or else exactly one repository. Default: anywhere. Example: ["registry.example.com/", "docker.io/library/nginx"].
   *
   * @minItems 1
   * @maxItems 64
   */
  registries?: string[];
  /**
   * true: every image is given with its digest (name@sha256:...), so that what was checked is what runs. Default: false.
   */
  requireDigest?: boolean;
  /**
   * Tags that may not be used. An image with neither tag nor digest has the tag latest. Example: [latest].
   *
   * @minItems 1
   * @maxItems 32
   */
  forbidTags?: string[];
}
/**
 * How workloads may be made reachable from outside the cluster.
 */
export interface ExposureRules {
  /**
   * What Services and pods may not do: Services of type NodePort or LoadBalancer or with externalIPs; pods with a hostPort or in the host's network. Example: [NodePort, LoadBalancer, ExternalIPs, HostPort, HostNetwork].
   *
   * @minItems 1
   * @maxItems 5
   */
  forbid?: ('NodePort' | 'LoadBalancer' | 'ExternalIPs' | 'HostPort' | 'HostNetwork')[];
  /**
   * true: every host of an Ingress is in its tls section. Default: false.
   */
  requireIngressTLS?: boolean;
}
/**
 * What pods, and the templates that make them, must say of themselves.
 */
export interface WorkloadRules {
  /**
   * true: pods name a ServiceAccount other than default. Default: false.
   */
  forbidDefaultServiceAccount?: boolean;
  /**
   * true: every container and init container has requests and limits for cpu and memory, its own, the pod's, or those that a LimitRange gives it. Default: false.
   */
  requireRequestsAndLimits?: boolean;
  /**
   * true: a pod gets an API token mounted only if it says automountServiceAccountToken: true itself. Default: false.
   */
  forbidUnrequestedToken?: boolean;
}
/**
 * What tenants may ask for in a BaselineException. Left out, nothing.
 */
export interface ExceptionsSection {
  /**
   * The kinds of relaxation that may be approved. Example: [Egress, Quota].
   *
   * @minItems 1
   * @maxItems 5
   */
  allow: ('Egress' | 'Ingress' | 'Quota' | 'PodSecurity' | 'Images')[];
  /**
   * The longest time from an exception's creation to its end, in hours and minutes. Example: 720h.
   */
  maxDuration?: string;
}
/**
 * What the operator last saw. Written by the operator only.
 */
export interface SecurityBaselineStatus {
  /**
   * The generation of the spec that this status is about.
   */
  observedGeneration?: number;
  namespaces?: NamespaceCounts;
  /**
   * The first failing namespaces by name, with the reason.
   *
   * @maxItems 10
   */
  failing?: FailingNamespace[];
  audit?: AuditStatus;
  /**
   * Ready, Reconciling and Stalled by the kstatus conventions; AllHardened says whether every selected namespace is hardened.
   *
   * @maxItems 16
   */
  conditions?: Condition[];
}
/**
 * How many namespaces are in which state.
 */
export interface NamespaceCounts {
  /**
   * Namespaces that this baseline selects.
   */
  selected?: number;
  /**
   * Selected namespaces whose whole desired state has been observed in place.
   */
  hardened?: number;
  /**
   * Selected namespaces that could not be hardened. The first of them are named in failing.
   */
  failing?: number;
  /**
   * Namespaces of the cluster that no enforcing baseline selects, protected ones left out.
   */
  uncovered?: number;
}
export interface FailingNamespace {
  namespace: string;
  reason: string;
  message: string;
}
/**
 * In Audit mode, what enforcing this baseline would change.
 */
export interface AuditStatus {
  /**
   * How many changes enforcing would make.
   */
  changes?: number;
  /**
   * In how many namespaces.
   */
  namespaces?: number;
  /**
   * The first of these namespaces by name, with the first of their changes.
   *
   * @maxItems 10
   */
  first?: AuditedNamespace[];
}
export interface AuditedNamespace {
  namespace: string;
  /**
   * @maxItems 8
   */
  changes: string[];
}
