import { BlockList, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressSpace } from '../../../src/connectivity/address-space.ts';
import { Bits } from '../../../src/connectivity/bits.ts';
import { ConnectionSet } from '../../../src/connectivity/connection-set.ts';
import { contains, intersect, intervalSet, subtract, union } from '../../../src/connectivity/intervals.ts';
import {
  blockAddresses,
  formatAddress,
  formatRange,
  parseAddress,
  parseCidr,
} from '../../../src/connectivity/ip.ts';
import { Layers } from '../../../src/connectivity/layers.ts';

const LIMIT = 200;
const members = fc.uniqueArray(fc.integer({ min: 0, max: LIMIT }));
const asIntervals = (values: readonly number[]) =>
  intervalSet(values.map((value) => [value, value + 1] as const));
const asMembers = (set: ReturnType<typeof asIntervals>) =>
  new Set(Array.from({ length: LIMIT + 2 }, (_, i) => i).filter((i) => contains(set, i)));

describe('interval sets and bit sets', () => {
  test('behave as sets of their members', () => {
    fc.assert(
      fc.property(members, members, (left, right) => {
        const [a, b] = [new Set(left), new Set(right)];
        expect(asMembers(union(asIntervals(left), asIntervals(right)))).toEqual(a.union(b));
        expect(asMembers(intersect(asIntervals(left), asIntervals(right)))).toEqual(a.intersection(b));
        expect(asMembers(subtract(asIntervals(left), asIntervals(right)))).toEqual(a.difference(b));
        const [x, y] = [Bits.of(left), Bits.of(right)];
        expect(new Set(x.or(y))).toEqual(a.union(b));
        expect(new Set(x.and(y))).toEqual(a.intersection(b));
        expect(new Set(x.andNot(y))).toEqual(a.difference(b));
        expect(left.every((member) => x.has(member))).toBe(true);
        expect(x.andNot(y).isEmpty).toBe(a.isSubsetOf(b));
      }),
    );
  });

  test('have one form for equal contents', () => {
    fc.assert(
      fc.property(members, members, (left, right) => {
        expect(union(asIntervals(left), asIntervals(right))).toEqual(asIntervals([...right, ...left]));
        const [x, y] = [
          Bits.of(left).or(Bits.of(right)).andNot(Bits.of(right)),
          Bits.of(left).andNot(Bits.of(right)),
        ];
        expect(x.equals(y)).toBe(true);
        expect(x.hash).toBe(y.hash);
        expect([...x]).toEqual([...x].sort((a, b) => a - b));
      }),
    );
  });
});

describe('layers', () => {
  const part = fc.record({ port: fc.integer({ min: 1, max: 4 }), parties: members });

  test('add up what each party gets from every part', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const layers = Layers.sum(
          parts.map(({ port, parties }) => ({
            connections: ConnectionSet.ports('TCP', port),
            members: Bits.of(parties),
          })),
        );
        for (let party = 0; party <= LIMIT; party++) {
          const expected = parts
            .filter(({ parties }) => parties.includes(party))
            .reduce((sum, { port }) => sum.union(ConnectionSet.ports('TCP', port)), ConnectionSet.none);
          const holding = [...layers].filter((layer) => layer.members.has(party));
          expect(holding.map(({ connections }) => connections.key)).toEqual(
            expected.isEmpty ? [] : [expected.key],
          );
        }
      }),
    );
  });
});

describe('addresses', () => {
  test.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['010.001.000.009', '10.1.0.9'],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00:0:0:1::', 'fd00:0:0:1::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['2001:db8::192.0.2.1', '2001:db8::c000:201'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
  ])('%s is %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text) ?? -1n)).toBe(canonical);
  });

  test.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.0.0',
    '1::2::3',
    '1:2:3',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7:8::',
    '::1.2.3',
  ])('%j is no address', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test.each([
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '::/129',
    '10.0.0.0/8/8',
    '::ffff:10.0.0.0/64',
  ])('%j is no CIDR', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  test.each([
    [{ cidr: '0.0.0.0/0' }, ['0.0.0.0-255.255.255.255']],
    [{ cidr: '10.1.2.3/8' }, ['10.0.0.0-10.255.255.255']],
    [{ cidr: '10.0.0.0/8', except: ['10.0.0.0/9', '10.255.0.0/16'] }, ['10.128.0.0-10.254.255.255']],
    [{ cidr: '10.0.0.0/24', except: ['10.0.0.0/16'] }, []],
    [{ cidr: '::ffff:10.0.0.0/104' }, ['10.0.0.0-10.255.255.255']],
    [{ cidr: '::/0' }, ['::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']],
    [{ cidr: 'nonsense' }, []],
  ])('the block %j matches %j', (block, ranges) => {
    expect(blockAddresses(block).map(formatRange)).toEqual(ranges);
  });

  const cidr = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
    fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })),
  );

  test('are in a CIDR when Node says so', () => {
    fc.assert(
      fc.property(cidr, fc.oneof(fc.ipV4(), fc.ipV6()), ([base, prefix], other) => {
        fc.pre(!/^(0{0,4}:){0,5}:?ffff:/i.test(base) && !/^(0{0,4}:){0,5}:?ffff:/i.test(other));
        for (const address of [other, base]) {
          const family = isIPv6(base) ? 'ipv6' : 'ipv4';
          const list = new BlockList();
          list.addSubnet(base, prefix, family);
          const expected = isIPv6(address) === isIPv6(base) && list.check(address, family);
          const range = parseCidr(`${base}/${prefix}`);
          expect(range !== undefined && contains([range], parseAddress(address) ?? -1n)).toBe(expected);
        }
      }),
    );
  });

  test('of one part of the address space are in the same blocks', () => {
    const near = fc
      .tuple(fc.nat(3), fc.nat(3), fc.integer({ min: 6, max: 32 }))
      .map(([a, b, bits]) => `10.${a}.${b}.0/${bits}`);
    const block = fc.record({ cidr: near, except: fc.array(near, { maxLength: 2 }) });
    fc.assert(
      fc.property(fc.array(block, { maxLength: 6 }), (blocks) => {
        const space = new AddressSpace(blocks);
        const parts = Array.from({ length: space.size }, (_, part) => part);
        for (const each of blocks) {
          const covered = intervalSet(
            [...space.partsOf(each)].flatMap((part) => [...space.addressesOf(part)]),
          );
          expect(covered).toEqual(blockAddresses(each));
        }
        for (const part of parts) {
          for (const [start, end] of space.addressesOf(part)) {
            expect([space.partOf(start), space.partOf(end - 1n)]).toEqual([part, part]);
          }
        }
      }),
    );
  });
});

describe('connection sets', () => {
  test.each([
    [ConnectionSet.all, 'All Connections'],
    [ConnectionSet.none, 'No Connections'],
    [ConnectionSet.every('UDP'), 'UDP 1-65535'],
    [
      ConnectionSet.ports('UDP', 53)
        .union(ConnectionSet.ports('TCP', 8080, 8090))
        .union(ConnectionSet.ports('TCP', 80)),
      'TCP 80,8080-8090, UDP 53',
    ],
    [
      ConnectionSet.all.subtract(ConnectionSet.ports('TCP', 80)),
      'TCP 1-79,81-65535, UDP 1-65535, SCTP 1-65535',
    ],
    [ConnectionSet.ports('TCP', 80).union(ConnectionSet.ports('TCP', 81)), 'TCP 80-81'],
    [ConnectionSet.ports('TCP', 90, 80), 'No Connections'],
    [ConnectionSet.ports('TCP', 0, 70000), 'TCP 1-65535'],
  ])('%# read as %s', (set, text) => {
    expect(set.toString()).toBe(text);
  });
});
