/**
 * Pods of one namespace among themselves.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/ (a podSelector alone
 * means pods of the policy's own namespace)
 */
import { derivedItems } from '../../api/names.ts';
import type { SameNamespacePeer } from '../../api/types.generated.ts';
import type { NamedPeer } from './peer.ts';

/** Every pod of the namespace, on every port, both ways. */
export const sameNamespacePeer: NamedPeer<SameNamespacePeer> = {
  item: derivedItems.allowSameNamespace,
  directions: ['Ingress', 'Egress'],
  expand: () => ({ ingress: [{ from: [{ podSelector: {} }] }], egress: [{ to: [{ podSelector: {} }] }] }),
};
