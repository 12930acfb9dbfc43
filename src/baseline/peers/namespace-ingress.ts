/**
 * Gateways and monitoring: ingress from pods of another namespace, found by the name that the API server labels it with.
 * Source: https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name
 */
import { namespaceNameLabel } from '../../api/labels.ts';
import { derivedItems } from '../../api/names.ts';
import type { GatewayPeer, MonitoringPeer } from '../../api/types.generated.ts';
import { type NamedPeer, onPorts, type PeerRules } from './peer.ts';

function fromNamespace({ namespace, podSelector, ports }: GatewayPeer | MonitoringPeer): PeerRules {
  const namespaceSelector = { matchLabels: { [namespaceNameLabel]: namespace } };
  const peer = { namespaceSelector, ...(podSelector === undefined ? {} : { podSelector }) };
  return { ingress: [{ from: [peer], ...onPorts(ports) }] };
}

/** Ingress from the gateway's pods. */
export const gatewayPeer: NamedPeer<GatewayPeer> = {
  item: derivedItems.allowGateway,
  directions: ['Ingress'],
  expand: fromNamespace,
};

/** Ingress from the monitoring system's pods. */
export const monitoringPeer: NamedPeer<MonitoringPeer> = {
  item: derivedItems.allowMonitoring,
  directions: ['Ingress'],
  expand: fromNamespace,
};
