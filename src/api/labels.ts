/** Labels and annotations that the operator writes and reads. */

/** The API group, and the domain of every label and annotation of ours. */
export const group = 'securitybaseline.io';

/** The API version of the custom resources. */
export const version = 'v1alpha1';

/** `apiVersion` of the custom resources. */
export const apiVersion = `${group}/${version}`;

/** The name under which the operator writes: field manager, `managed-by` value and event source. */
export const operatorName = 'security-baseline-operator';

/** On every managed object. Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/ */
export const managedByLabel = 'app.kubernetes.io/managed-by';

/** The name of the baseline that a managed object belongs to. */
export const baselineLabel = `${group}/baseline`;

/** The UID of the baseline that a managed object belongs to: a baseline recreated under the same name is another one. */
export const baselineUidLabel = `${group}/baseline-uid`;

/** What becomes of the object when its baseline no longer asks for it: `Delete` or `Orphan`. */
export const deletionPolicyAnnotation = `${group}/deletion-policy`;

/**
 * On namespaces: the UIDs of the baselines whose Pod Security labels we put there, comma separated, so that it is known whose
 * protection goes when they do.
 */
export const labelledByAnnotation = `${group}/pod-security-by`;

/** On namespaces: the UIDs of the baselines for which the namespace has been hardened. Pods are held until it is there. */
export const hardenedAnnotation = `${group}/hardened`;

/** On namespaces: the approved exceptions that admission has to know of. */
export const exceptionsAnnotation = `${group}/exceptions`;

/** On namespaces: the directions that all baselines together deny, where one that restricts tenants denies fewer itself. */
export const defaultDenyAnnotation = `${group}/default-deny`;

/** On namespaces: the modes of Pod Security whose labels are ours, and so guarded. Written together with the labels. */
export const podSecurityAnnotation = `${group}/pod-security`;

/**
 * A label on a baseline, by its author, which spares admission the look into it: `none` (asks nothing of admission), `enforce` or
 * `audit` (its mode). Not needed for anything else; one that contradicts the spec is refused.
 */
export const admissionLabel = `${group}/admission`;

/** On a baseline: its generation, to confirm that many namespaces shall lose its protection. */
export const confirmRemovalAnnotation = `${group}/confirm-removal`;

/** On a baseline: its generation, to confirm that it shall be deleted although it covers many namespaces. */
export const allowDeletionAnnotation = `${group}/allow-deletion`;

/** Why an allowance is needed, in the words of the baseline. */
export const justificationAnnotation = `${group}/justification`;

/** The pull secrets that we put on a ServiceAccount, comma separated, so that a dropped one can be taken back. */
export const pullSecretsAnnotation = `${group}/image-pull-secrets`;

/** On an object that an exception gave: the exception's name. */
export const exceptionAnnotation = `${group}/exception`;

/** On ClusterRoles whose rules baselines may grant; they add up in the grantable ClusterRole. */
export const grantableLabel = `${group}/grantable`;

/** Pod Security Admission's labels. Source: https://kubernetes.io/docs/concepts/security/pod-security-admission/ */
export const podSecurityPrefix = 'pod-security.kubernetes.io/';

/** The API server sets it on every namespace to the namespace's name. */
export const namespaceNameLabel = 'kubernetes.io/metadata.name';
