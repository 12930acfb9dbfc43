/** The ends of a connection as people write them. */
import type { AddressRef, PodRef, Query } from '../../connectivity/engine.ts';
import { parseAddress } from '../../connectivity/ip.ts';
import { PROTOCOLS, type Protocol } from '../../connectivity/model.ts';
import { UserError } from '../user-error.ts';

/** A pod or workload as written: without a namespace where none is given. */
export interface NamedEnd {
  readonly namespace: string | undefined;
  readonly name: string;
}

/** Where a connection leads to. */
export interface Destination {
  readonly end: NamedEnd | AddressRef;
  readonly port?: number | string;
  readonly protocol?: Protocol;
}

const forms =
  'Write [NAMESPACE/]NAME of a pod or workload, or an IP address; a destination may add :PORT or :PORT/PROTOCOL, ' +
  'such as shop/api:8080, shop/dns:53/UDP, api:http, 203.0.113.9:443 or [2001:db8::1]:443.';

/** Reads `NAME`, `NAMESPACE/NAME` or an address. */
export function parseEnd(text: string): NamedEnd | AddressRef {
  const bare = /^\[(.+)\]$/.exec(text)?.[1] ?? text;
  if (parseAddress(bare) !== undefined) return { ip: bare };
  const match = /^(?:([a-z0-9][-a-z0-9]*)\/)?([a-z0-9][-.a-z0-9]*)$/.exec(text);
  if (match === null) throw new UserError(`"${text}" names no pod, workload or address`, forms);
  return { namespace: match[1], name: match[2] ?? '' };
}

/** Reads an end with an optional port and protocol. */
export function parseDestination(text: string): Destination {
  if (parseAddress(text) !== undefined) return { end: { ip: text } };
  const match = /^(\[[^\]]+\]|[^:]+)(?::([^:/]+)(?:\/([A-Za-z]+))?)?$/.exec(text);
  if (match === null) throw new UserError(`"${text}" names no pod, workload or address`, forms);
  const [, end = '', port, protocol] = match;
  return {
    end: parseEnd(end),
    ...(port === undefined ? {} : { port: parsePort(port) }),
    ...(protocol === undefined ? {} : { protocol: parseProtocol(protocol) }),
  };
}

function parsePort(text: string): number | string {
  if (!/^\d+$/.test(text)) {
    if (/^(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/.test(text)) return text;
    throw new UserError(`"${text}" is neither a port number nor the name of a container port`, forms);
  }
  const port = Number(text);
  if (port < 1 || port > 65_535) throw new UserError(`port ${text} is not in 1 to 65535`, forms);
  return port;
}

function parseProtocol(text: string): Protocol {
  const protocol = PROTOCOLS.find((known) => known === text.toUpperCase());
  if (protocol === undefined)
    throw new UserError(`"${text}" is not a protocol: ${PROTOCOLS.join(', ')}`, forms);
  return protocol;
}

/** The end as the engine takes it. */
export function resolveEnd(end: NamedEnd | AddressRef, defaultNamespace: string): PodRef | AddressRef {
  return 'ip' in end ? end : { namespace: end.namespace ?? defaultNamespace, name: end.name };
}

/** The question as the engine takes it. */
export function queryOf(
  source: NamedEnd | AddressRef,
  { end, port, protocol }: Destination,
  defaultNamespace: string,
): Query {
  return {
    source: resolveEnd(source, defaultNamespace),
    destination: resolveEnd(end, defaultNamespace),
    ...(port === undefined ? {} : { port }),
    ...(protocol === undefined ? {} : { protocol }),
  };
}
