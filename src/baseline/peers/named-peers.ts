/** The peers that baselines allow by name: one row each. */
import type { NamedPeers } from '../../api/types.generated.ts';
import type { ClusterFacts } from '../cluster-facts.ts';
import { cloudMetadataPeer } from './cloud-metadata.ts';
import { dnsPeer } from './dns.ts';
import { internetPeer } from './internet.ts';
import { kubernetesApiPeer } from './kubernetes-api.ts';
import { gatewayPeer, monitoringPeer } from './namespace-ingress.ts';
import { nodesPeer } from './nodes.ts';
import type { NamedPeer, NotKnown, PeerRules } from './peer.ts';
import { sameNamespacePeer } from './same-namespace.ts';
import { webhooksPeer } from './webhooks.ts';

type PeerFields = Required<NamedPeers>;

/** A field of `spec.networkPolicy.allow`. */
export type PeerName = keyof PeerFields;

/** By field, in the order in which their objects are listed. */
export const namedPeers: { readonly [Name in PeerName]: NamedPeer<PeerFields[Name]> } = {
  dns: dnsPeer,
  sameNamespace: sameNamespacePeer,
  kubernetesAPI: kubernetesApiPeer,
  internet: internetPeer,
  cloudMetadata: cloudMetadataPeer,
  nodes: nodesPeer,
  gateway: gatewayPeer,
  monitoring: monitoringPeer,
  webhooks: webhooksPeer,
};

/** All names, in table order. */
export const peerNames = Object.keys(namedPeers) as readonly PeerName[];

/** What one field comes to in the cluster at hand. */
export function expandPeer<Name extends PeerName>(
  name: Name,
  given: PeerFields[Name],
  cluster: ClusterFacts,
): PeerRules | NotKnown {
  return namedPeers[name].expand(given, cluster);
}
