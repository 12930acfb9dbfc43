import { type Interval, type Intervals, intersect, intervalSet, subtract } from './intervals.ts';
import type { IPBlock } from './model.ts';

/**
 * IPv4 and IPv6 addresses on one line of numbers: IPv4 from 0, IPv6 from 2^64, with a gap between them so
 * that the last IPv4 and the first IPv6 address never join into one range.
 */
const V6_BASE = 1n << 64n;
const V4_SIZE = 1n << 32n;
const V6_SIZE = 1n << 128n;

export const ALL_IPV4: Interval<bigint> = [0n, V4_SIZE];
export const ALL_IPV6: Interval<bigint> = [V6_BASE, V6_BASE + V6_SIZE];

export function isIPv6(address: bigint): boolean {
  return address >= V6_BASE;
}

/**
 * The address as a number on the line, or undefined when the text is none. An IPv4-mapped IPv6 address
 * (`::ffff:10.0.0.1`) is the IPv4 address, as it is on the wire. Leading zeros read as decimal, as the API
 * server reads them in stored objects.
 */
export function parseAddress(text: string): bigint | undefined {
  if (!text.includes(':')) return parseIPv4(text);
  const value = parseIPv6(text);
  if (value === undefined) return undefined;
  return value >> 32n === 0xffffn ? value & 0xffffffffn : V6_BASE + value;
}

function parseIPv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return parts.reduce((value, part) => (value << 8n) | BigInt(Number(part)), 0n);
}

function parseIPv6(text: string): bigint | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted !== null) {
    const v4 = parseIPv4(dotted[2] ?? '');
    if (v4 === undefined) return undefined;
    return parseIPv6(`${dotted[1]}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`);
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<string>(missing).fill('0'), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

/** The addresses of a CIDR (host bits are ignored), or undefined when the text is none. */
export function parseCidr(text: string): Interval<bigint> | undefined {
  const [address = '', bits = '', ...more] = text.split('/');
  const base = parseAddress(address);
  if (base === undefined || more.length > 0 || !/^\d{1,3}$/.test(bits)) return undefined;
  const mapped = address.includes(':') && !isIPv6(base);
  const width = isIPv6(base) ? 128 : 32;
  const length = mapped ? Number(bits) - 96 : Number(bits);
  if (length < 0 || length > width) return undefined;
  const offset = isIPv6(base) ? V6_BASE : 0n;
  const hostBits = BigInt(width - length);
  const start = offset + (((base - offset) >> hostBits) << hostBits);
  return [start, start + (1n << hostBits)];
}

/** The addresses that an ipBlock matches: its CIDR without the exceptions. An unreadable CIDR matches none. */
export function blockAddresses(block: IPBlock): Intervals<bigint> {
  const whole = parseCidr(block.cidr);
  if (whole === undefined) return [];
  const exceptions = (block.except ?? []).flatMap((cidr) => {
    const range = parseCidr(cidr);
    return range === undefined ? [] : [range];
  });
  return subtract([whole], intervalSet(exceptions));
}

/** The IPv4 and the IPv6 part of a set of addresses. */
export function byFamily(addresses: Intervals<bigint>): {
  ipv4: Intervals<bigint>;
  ipv6: Intervals<bigint>;
} {
  return { ipv4: intersect(addresses, [ALL_IPV4]), ipv6: intersect(addresses, [ALL_IPV6]) };
}

/** How many addresses there are. */
export function countAddresses(addresses: Intervals<bigint>): bigint {
  return addresses.reduce((sum, [start, end]) => sum + (end - start), 0n);
}

/** `10.0.0.0-10.0.0.255`: first and last address, as connectivity lists write ranges. */
export function formatRange([start, end]: Interval<bigint>): string {
  return `${formatAddress(start)}-${formatAddress(end - 1n)}`;
}

export function formatAddress(address: bigint): string {
  if (!isIPv6(address)) {
    return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join('.');
  }
  const value = address - V6_BASE;
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  return compressZeros(groups);
}

/** The longest run of two or more zero groups becomes `::`; the first one on a tie (RFC 5952, 4.2). */
function compressZeros(groups: readonly string[]): string {
  const text = groups.join(':');
  const runs = [...text.matchAll(/\b0(?::0)+\b/g)].sort((a, b) => b[0].length - a[0].length);
  const longest = runs[0];
  if (longest === undefined) return text;
  const before = text.slice(0, longest.index).replace(/:$/, '');
  const after = text.slice(longest.index + longest[0].length).replace(/^:/, '');
  return `${before}::${after}`;
}
