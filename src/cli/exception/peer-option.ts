import { InvalidArgumentError } from 'commander';
import { namespaceNameLabel } from '../../api/labels.ts';
import type { NetworkPolicyPeer, NetworkPolicyPort } from '../../api/types.generated.ts';
import { parseCidr } from '../../connectivity/ip.ts';
import { PROTOCOLS } from '../../connectivity/model.ts';

/** A peer with its port, as `--to` and `--from` take it. */
export interface PeerOption {
  readonly peer: NetworkPolicyPeer;
  readonly port: NetworkPolicyPort | undefined;
}

const forms =
  'Give CIDR or namespace/NAME, with :PORT or :PORT/PROTOCOL: 203.0.113.0/24:443, namespace/billing:8080.';

/**
 * Reads a peer and adds it to those given before.
 *
 * @throws InvalidArgumentError for what is none
 */
export function collectPeer(text: string, before: readonly PeerOption[]): readonly PeerOption[] {
  return [...before, parsePeer(text)];
}

function parsePeer(text: string): PeerOption {
  const match =
    /^(?:namespace\/(?<name>[a-z0-9][-a-z0-9]*)|\[?(?<cidr>[0-9a-fA-F.:]+\/\d{1,3})\]?)(?::(?<port>[a-z0-9-]+)(?:\/(?<protocol>\w+))?)?$/.exec(
      text,
    );
  const { name, cidr, port, protocol } = match?.groups ?? {};
  if (name !== undefined) {
    return {
      peer: { namespaceSelector: { matchLabels: { [namespaceNameLabel]: name } } },
      port: portOf(port, protocol),
    };
  }
  if (cidr === undefined || parseCidr(cidr) === undefined) throw new InvalidArgumentError(forms);
  return { peer: { ipBlock: { cidr } }, port: portOf(port, protocol) };
}

function portOf(port: string | undefined, protocol: string | undefined): NetworkPolicyPort | undefined {
  if (port === undefined) return undefined;
  const known = PROTOCOLS.find((each) => each === (protocol ?? 'TCP').toUpperCase());
  if (known === undefined)
    throw new InvalidArgumentError(`Give one of the protocols ${PROTOCOLS.join(', ')}.`);
  return { port: /^\d+$/.test(port) ? Number(port) : port, protocol: known };
}
