import {
  contains,
  type Interval,
  type Intervals,
  intersect,
  intervalSet,
  subtract,
  union,
} from './intervals.ts';
import { PROTOCOLS, type Protocol } from './model.ts';

const FIRST_PORT = 1;
const LAST_PORT = 65535;
const ALL_PORTS: Intervals<number> = [[FIRST_PORT, LAST_PORT + 1]];

type PortsByProtocol = Readonly<Record<Protocol, Intervals<number>>>;

/**
 * What may pass between two parties: the ports of each protocol. Immutable; two sets are equal when their
 * `key`s are.
 */
export class ConnectionSet {
  readonly #ports: PortsByProtocol;
  /** Canonical text, equal for equal sets. */
  readonly key: string;

  private constructor(ports: PortsByProtocol) {
    this.#ports = ports;
    this.key = PROTOCOLS.map((protocol) => ports[protocol].join(';')).join('|');
  }

  static readonly none = new ConnectionSet({ TCP: [], UDP: [], SCTP: [] });
  static readonly all = new ConnectionSet({ TCP: ALL_PORTS, UDP: ALL_PORTS, SCTP: ALL_PORTS });

  /** Every port of the protocol. */
  static every(protocol: Protocol): ConnectionSet {
    return new ConnectionSet({ TCP: [], UDP: [], SCTP: [], [protocol]: ALL_PORTS });
  }

  /** Ports `first` to `last`, both in, cut to the valid range. */
  static ports(protocol: Protocol, first: number, last = first): ConnectionSet {
    const ports = intersect(intervalSet<number>([[first, last + 1]]), ALL_PORTS);
    return new ConnectionSet({ TCP: [], UDP: [], SCTP: [], [protocol]: ports });
  }

  get isEmpty(): boolean {
    return this.key === ConnectionSet.none.key;
  }

  get isAll(): boolean {
    return this.key === ConnectionSet.all.key;
  }

  equals(other: ConnectionSet): boolean {
    return this.key === other.key;
  }

  has(protocol: Protocol, port: number): boolean {
    return contains(this.#ports[protocol], port);
  }

  union(other: ConnectionSet): ConnectionSet {
    if (this.isAll || other.isEmpty || this.key === other.key) return this;
    if (other.isAll || this.isEmpty) return other;
    return this.#with(other, union);
  }

  intersect(other: ConnectionSet): ConnectionSet {
    if (this.isEmpty || other.isAll || this.key === other.key) return this;
    if (other.isEmpty || this.isAll) return other;
    return this.#with(other, intersect);
  }

  subtract(other: ConnectionSet): ConnectionSet {
    if (this.isEmpty || other.isEmpty) return this;
    if (other.isAll || this.key === other.key) return ConnectionSet.none;
    return this.#with(other, subtract);
  }

  #with(
    other: ConnectionSet,
    combine: (a: Intervals<number>, b: Intervals<number>) => Intervals<number>,
  ): ConnectionSet {
    return new ConnectionSet({
      TCP: combine(this.#ports.TCP, other.#ports.TCP),
      UDP: combine(this.#ports.UDP, other.#ports.UDP),
      SCTP: combine(this.#ports.SCTP, other.#ports.SCTP),
    });
  }

  /** `All Connections`, `No Connections`, or such as `TCP 80,8080-8090, UDP 53`. */
  toString(): string {
    if (this.isAll) return 'All Connections';
    if (this.isEmpty) return 'No Connections';
    return PROTOCOLS.filter((protocol) => this.#ports[protocol].length > 0)
      .map((protocol) => `${protocol} ${this.#ports[protocol].map(formatPorts).join(',')}`)
      .join(', ');
  }
}

function formatPorts([start, end]: Interval<number>): string {
  return end - start === 1 ? `${start}` : `${start}-${end - 1}`;
}
