/**
 * The API server as a client: it calls webhooks and aggregated APIs from the addresses on which it listens.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
 */
import { derivedItems } from '../../api/names.ts';
import type { WebhooksPeer } from '../../api/types.generated.ts';
import { ipBlocks } from './cidrs.ts';
import { apiServerNotFound } from './kubernetes-api.ts';
import { type NamedPeer, onPorts } from './peer.ts';

/** Ingress from the API server's addresses, on the given ports of the pods that serve webhooks. */
export const webhooksPeer: NamedPeer<WebhooksPeer> = {
  item: derivedItems.allowWebhooks,
  directions: ['Ingress'],
  expand: ({ podSelector, ports }, { apiServers }) =>
    apiServers.length === 0
      ? apiServerNotFound
      : {
          ...(podSelector === undefined ? {} : { podSelector }),
          ingress: [{ from: ipBlocks(apiServers.flatMap(({ cidrs }) => cidrs)), ...onPorts(ports) }],
        },
};
