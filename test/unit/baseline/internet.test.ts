import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ClusterFacts } from '../../../src/baseline/cluster-facts.ts';
import { exceptions, singleAddress } from '../../../src/baseline/peers/cidrs.ts';
import { intersect, intervalSet, subtract } from '../../../src/connectivity/intervals.ts';
import { blockAddresses, parseAddress, parseCidr } from '../../../src/connectivity/ip.ts';
import { cluster, expand } from './fixtures.ts';

const justification = 'needed for the test';

describe('internet', () => {
  /** The addresses that the peer opens. */
  function opened(facts: ClusterFacts) {
    const { egress } = expand({ internet: { justification } }, facts).spec as {
      egress: { to: { ipBlock: { cidr: string; except: string[] } }[] }[];
    };
    return intervalSet(egress.flatMap(({ to }) => to.flatMap(({ ipBlock }) => blockAddresses(ipBlock))));
  }
  const reaches = (facts: ClusterFacts, address: string) => {
    const value = parseAddress(address) ?? -1n;
    return opened(facts).some(([start, end]) => start <= value && value < end);
  };

  test.each([
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '223.255.255.255',
    '2001:200::1',
    '2606:4700::1111',
    '2a00:1450::1',
  ])('reaches %s, which is public', (address) => {
    expect(reaches(cluster, address)).toBe(true);
  });

  test.each([
    ['0.0.0.0', 'this network'],
    ['10.0.0.1', 'private'],
    ['100.64.0.1', 'shared'],
    ['100.100.100.200', 'cloud metadata among the shared'],
    ['127.0.0.1', 'loopback'],
    ['168.63.129.16', "a cloud's platform endpoint"],
    ['169.254.169.254', 'cloud metadata'],
    ['169.254.20.10', 'link-local'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.192', 'IETF protocol assignments'],
    ['192.0.2.1', 'documentation'],
    ['192.88.99.1', '6to4 relays'],
    ['192.168.1.1', 'private'],
    ['198.19.255.255', 'benchmarking'],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.1', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::1', 'loopback'],
    ['::ffff:10.0.0.1', 'private, as IPv6'],
    ['64:ff9b::a00:1', 'private, by NAT64'],
    ['2001:0:a00:1::', 'Teredo'],
    ['2001:2::1', 'benchmarking'],
    ['2001:db8::1', 'documentation'],
    ['2002:a00:1::1', 'private, by 6to4'],
    ['3fff:1::1', 'documentation'],
    ['fc00::1', 'unique local'],
    ['fd00:ec2::254', 'cloud metadata'],
    ['fe80::1', 'link-local'],
    ['ff02::1', 'multicast'],
  ])('does not reach %s (%s)', (address) => {
    expect(reaches(cluster, address)).toBe(false);
  });

  test.each([
    ['of pods', { nodes: [{ addresses: [], podRanges: ['52.1.0.0/24', '2600:1f00::/64'] }] }],
    ['of Services', { serviceRanges: ['52.1.0.0/24', '2600:1f00::/64'] }],
    ['given at install', { givenRanges: ['52.1.0.0/24', '2600:1f00::/64'] }],
  ])("does not reach the cluster's own ranges: those %s", (_name, facts) => {
    expect(reaches(cluster, '52.1.0.1')).toBe(true);
    expect(reaches({ ...cluster, ...facts }, '52.1.0.1')).toBe(false);
    expect(reaches({ ...cluster, ...facts }, '2600:1f00::1')).toBe(false);
    expect(reaches({ ...cluster, ...facts }, '52.1.1.0')).toBe(true);
  });

  test('needs to know where pods are: found or given, else nothing is written', () => {
    const nodes = [{ addresses: ['10.0.0.1/32'], podRanges: [] }];
    expect(expand({ internet: { justification } }, { ...cluster, nodes }).problems[0]?.reason).toBe(
      'PodRangesNotKnown',
    );
    expect(
      expand({ internet: { justification } }, { ...cluster, nodes, givenRanges: ['10.0.0.0/8'] }).problems,
    ).toEqual([]);
  });

  test('many adjacent ranges are one exception; too many that are not are a problem', () => {
    const ranges = (step: number) =>
      Array.from({ length: 512 }, (_, i) => ({
        addresses: [],
        podRanges: [`52.${(i * step) >> 8}.${(i * step) & 255}.0/24`],
      }));
    const adjacent = expand({ internet: { justification } }, { ...cluster, nodes: ranges(1) });
    expect(JSON.stringify(adjacent.spec)).toContain('"52.0.0.0/15"');
    const scattered = expand({ internet: { justification } }, { ...cluster, nodes: ranges(2) });
    expect(scattered.problems[0]?.reason).toBe('TooManyClusterRanges');
    expect(scattered.objects).toEqual([]);
  });

  test('allows nothing where the ranges leave nothing', () => {
    const { spec } = expand(
      { internet: { justification } },
      { ...cluster, givenRanges: ['0.0.0.0/0', '::/0'] },
    );
    expect(spec).toEqual({ podSelector: {}, policyTypes: ['Egress'], egress: [] });
  });

  test('is limited to ports where they are given', () => {
    const ports = [{ port: 443, protocol: 'TCP' as const }];
    expect(expand({ internet: { justification, ports } }).spec).toMatchObject({ egress: [{ ports }] });
  });

  test('does not depend on the order in which ranges are told', () => {
    const nodes = ['52.3.0.0/24', '52.1.0.0/24', '52.3.0.0/24'].map((range) => ({
      addresses: [],
      podRanges: [range],
    }));
    const there = expand({ internet: { justification } }, { ...cluster, nodes }).spec;
    expect(expand({ internet: { justification } }, { ...cluster, nodes: nodes.toReversed() }).spec).toEqual(
      there,
    );
  });
});

describe('exceptions from a block', () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const cidr = fc
    .tuple(octet, octet, octet, octet, fc.integer({ min: 0, max: 32 }))
    .map(([a, b, c, d, length]) => `${a}.${b}.${c}.${d}/${length}`);

  test('take out exactly the ranges, lie within the block, and do not overlap', () => {
    fc.assert(
      fc.property(cidr, fc.array(cidr, { maxLength: 12 }), (whole, ranges) => {
        const bounds = parseCidr(whole);
        if (bounds === undefined) throw new Error(whole);
        const except = exceptions(whole, ranges).map((text) => parseCidr(text) ?? ([0n, 0n] as const));
        const wanted = intersect(intervalSet(ranges.map((text) => parseCidr(text) ?? ([0n, 0n] as const))), [
          bounds,
        ]);
        expect(intervalSet(except)).toEqual(wanted);
        const size = (set: readonly (readonly [bigint, bigint])[]) =>
          set.reduce((sum, [a, b]) => sum + b - a, 0n);
        expect(size(except)).toBe(size(wanted));
        expect(subtract(intervalSet(except), [bounds])).toEqual([]);
      }),
    );
  });

  test('are few, sorted by address, and read leniently', () => {
    expect(exceptions('0.0.0.0/0', ['10.1.2.3/8', '11.0.0.0/8', 'nonsense', 'fd00::/8'])).toEqual([
      '10.0.0.0/7',
    ]);
    expect(exceptions('2000::/3', ['2001:db8::1/32', '::/0'])).toEqual(['2000::/3']);
    expect(exceptions('10.0.0.0/8', ['0.0.0.0/0'])).toEqual(['10.0.0.0/8']);
  });

  test('single addresses are spelt in one way', () => {
    expect(singleAddress('10.0.0.1')).toBe('10.0.0.1/32');
    expect(singleAddress('2001:DB8:0::1')).toBe('2001:db8::1/128');
    expect(singleAddress('::ffff:10.0.0.1')).toBe('10.0.0.1/32');
    expect(singleAddress('10.0.0.1/8')).toBeUndefined();
  });
});
