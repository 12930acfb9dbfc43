import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicySpec } from '../../../src/connectivity/model.ts';
import { MOST_BLOCKS, openings } from '../../../src/connectivity/openings.ts';
import { restrictViolations } from '../../../src/connectivity/restriction.ts';
import { policies } from './arbitraries.ts';

const tenant = (spec: NetworkPolicySpec, name = 'tenant'): NetworkPolicy => ({
  namespace: 'shop',
  name,
  spec,
});
const ingressFrom = (...from: NetworkPolicyPeer[]) => tenant({ ingress: [{ from }] });
const egressTo = (...to: NetworkPolicyPeer[]) => tenant({ policyTypes: ['Egress'], egress: [{ to }] });
const block = (cidr: string, ...except: string[]): NetworkPolicyPeer => ({ ipBlock: { cidr, except } });
const NAME = 'kubernetes.io/metadata.name';
const named = { namespaceSelector: { matchLabels: { [NAME]: 'ops' } } };
const expression = (key: string, operator: string, ...values: string[]): NetworkPolicyPeer => ({
  namespaceSelector: { matchExpressions: [{ key, operator, ...(values.length > 0 && { values }) }] },
});
const both = ['Ingress', 'Egress'] as const;

describe('an opening', () => {
  const found = (policy: NetworkPolicy, denied: readonly ('Ingress' | 'Egress')[] = both) =>
    openings([policy], denied).map(({ direction, to }) => `${direction}: ${to}`);

  test.each<[string, NetworkPolicy, string[]]>([
    ['a rule without peers', tenant({ ingress: [{}] }), ['Ingress: anywhere']],
    ['empty peers', tenant({ ingress: [{ from: [] }] }), ['Ingress: anywhere']],
    ['everything out', tenant({ egress: [{ ports: [{ port: 443 }] }] }), ['Egress: anywhere']],
    ['every namespace', ingressFrom({ namespaceSelector: {} }), ['Ingress: any namespace']],
    [
      'every namespace, by a pod label that others may set',
      ingressFrom({ namespaceSelector: {}, podSelector: { matchLabels: { app: 'x' } } }),
      ['Ingress: any namespace'],
    ],
    ['NotIn', ingressFrom(expression('team', 'NotIn', 'x')), ['Ingress: any namespace']],
    ['DoesNotExist', egressTo(expression('team', 'DoesNotExist')), ['Egress: any namespace']],
    ['Exists on the name', egressTo(expression(NAME, 'Exists')), ['Egress: any namespace']],
    [
      'the internet',
      egressTo(block('0.0.0.0/0', '10.0.0.0/8', '100.64.0.0/10', '168.63.129.16/32', '169.254.0.0/16')),
      ['Egress: an external range'],
    ],
    ['a range too wide', egressTo(block('10.0.0.0/15')), ['Egress: an external range']],
    ['a range too wide in IPv6', egressTo(block('2001:db8::/31')), ['Egress: an external range']],
    ['cloud metadata', egressTo(block('169.254.169.254/32')), ['Egress: cloud metadata']],
    ['cloud metadata in IPv6', egressTo(block('fd00:ec2::/64')), ['Egress: cloud metadata']],
    [
      'cloud metadata by its mapped address',
      egressTo(block('::ffff:169.254.169.254/128')),
      ['Egress: cloud metadata'],
    ],
  ])('is %s', (_, policy, expected) => {
    expect(found(policy)).toEqual(expected);
  });

  test.each<[string, NetworkPolicy]>([
    ['own pods', ingressFrom({ podSelector: {} })],
    ['a namespace by name', ingressFrom(named)],
    ['a namespace by label', ingressFrom(expression('team', 'In', 'x'))],
    ['a range narrow enough', egressTo(block('10.0.0.0/16'))],
    ['a wide range whose exceptions leave little', egressTo(block('10.0.0.0/15', '10.1.0.0/16'))],
    ['metadata left out', egressTo(block('169.254.0.0/16', '169.254.168.0/22'))],
    ['rules that are not in force', tenant({ policyTypes: ['Ingress'], egress: [{}] })],
    ['no rules', tenant({ policyTypes: ['Ingress', 'Egress'] })],
  ])('is not %s', (_, policy) => {
    expect(found(policy)).toEqual([]);
  });

  test('matters only in the directions that the baseline denies', () => {
    expect(found(tenant({ ingress: [{}], egress: [{}] }), ['Egress'])).toEqual(['Egress: anywhere']);
  });

  test('says what is open, to whom and by which rule', () => {
    const policy = tenant({
      podSelector: { matchLabels: { app: 'web' } },
      policyTypes: ['Egress'],
      egress: [
        { to: [{ podSelector: {} }] },
        { to: [block('10.0.0.0/8'), block('192.168.1.0/24')], ports: [{ port: 443 }, { port: 'http' }] },
      ],
    });
    expect(openings([policy], ['Egress'])).toEqual([
      {
        policy: { namespace: 'shop', name: 'tenant' },
        direction: 'Egress',
        rule: 1,
        to: 'an external range',
        cidrs: ['10.0.0.0/8'],
        ports: 'TCP 443, TCP http',
        podSelector: { matchLabels: { app: 'web' } },
      },
    ]);
  });

  describe('of ranges that add up', () => {
    /** `count` blocks of /16, spread over policies of at most ten. */
    const spread = (count: number) =>
      Array.from({ length: Math.ceil(count / 10) }, (_, i) =>
        tenant(
          {
            policyTypes: ['Egress'],
            egress: [
              {
                to: Array.from({ length: Math.min(10, count - 10 * i) }, (_, j) =>
                  block(`20.${10 * i + j}.0.0/16`),
                ),
              },
            ],
          },
          `part-${i}`,
        ),
      );

    test('counts all policies of the namespace together, and names each', () => {
      expect(openings(spread(MOST_BLOCKS), ['Egress'])).toEqual([]);
      expect(
        openings(spread(MOST_BLOCKS + 1), ['Egress']).map(({ policy, to }) => `${policy.name}: ${to}`),
      ).toEqual([0, 1, 2, 3].map((i) => `part-${i}: external ranges that add up`));
    });

    test('counts an address once', () => {
      const same = Array.from({ length: 100 }, () => block('20.0.0.0/16'));
      expect(openings([egressTo(...same)], ['Egress'])).toEqual([]);
    });
  });
});

describe('under tenantPolicies: Restrict', () => {
  const fields = (policy: NetworkPolicy, denied: readonly ('Ingress' | 'Egress')[] = both) =>
    restrictViolations(policy, denied).map(({ field }) => field);

  test.each<[string, NetworkPolicy]>([
    ['own pods', ingressFrom({ podSelector: { matchLabels: { app: 'x' } } })],
    ['a namespace by name', ingressFrom(named)],
    ['namespaces by name', egressTo(expression(NAME, 'In', 'a', 'b'))],
    ['pods of a namespace by name', egressTo({ ...named, podSelector: { matchLabels: { app: 'x' } } })],
    [
      'a name and more, which only narrows',
      egressTo({
        namespaceSelector: {
          matchLabels: { [NAME]: 'a' },
          matchExpressions: [{ key: 'x', operator: 'Exists' }],
        },
      }),
    ],
    ['a narrow block', egressTo(block('10.0.0.0/16'), block('2001:db8::/32'))],
    ['a block without metadata', egressTo(block('169.254.0.0/24'))],
    [
      'as many blocks as allowed',
      egressTo(...Array.from({ length: MOST_BLOCKS }, (_, i) => block(`10.${i}.0.0/16`))),
    ],
    ['no rules', tenant({ policyTypes: ['Ingress', 'Egress'] })],
    ['rules that are not in force', tenant({ policyTypes: ['Ingress'], egress: [{}] })],
  ])('%s passes', (_, policy) => {
    expect(restrictViolations(policy, both)).toEqual([]);
  });

  test.each<[string, NetworkPolicy, string]>([
    ['a rule without peers', tenant({ ingress: [{ ports: [{ port: 80 }] }] }), 'spec.ingress[0].from'],
    [
      'empty peers',
      tenant({ policyTypes: ['Egress'], egress: [{ to: [{ podSelector: {} }] }, { to: [] }] }),
      'spec.egress[1].to',
    ],
    ['a peer without fields', ingressFrom({ podSelector: {} }, {}), 'spec.ingress[0].from[1]'],
    ['every namespace', ingressFrom({ namespaceSelector: {} }), 'spec.ingress[0].from[0].namespaceSelector'],
    [
      'a namespace by label',
      ingressFrom(expression('team', 'In', 'x')),
      'spec.ingress[0].from[0].namespaceSelector',
    ],
    [
      'Exists on the name',
      ingressFrom(expression(NAME, 'Exists')),
      'spec.ingress[0].from[0].namespaceSelector',
    ],
    [
      'NotIn on the name',
      ingressFrom(expression(NAME, 'NotIn', 'x')),
      'spec.ingress[0].from[0].namespaceSelector',
    ],
    ['DoesNotExist', egressTo(expression('x', 'DoesNotExist')), 'spec.egress[0].to[0].namespaceSelector'],
    ['a wide block', egressTo(block('10.0.0.0/15')), 'spec.egress[0].to[0].ipBlock.cidr'],
    [
      'a wide block with exceptions',
      egressTo(block('10.0.0.0/15', '10.1.0.0/16')),
      'spec.egress[0].to[0].ipBlock.cidr',
    ],
    ['a wide IPv6 block', egressTo(block('2001:db8::/31')), 'spec.egress[0].to[0].ipBlock.cidr'],
    ['metadata', egressTo(block('169.254.169.0/24')), 'spec.egress[0].to[0].ipBlock.cidr'],
    [
      'metadata left out by except, as admission judges it',
      egressTo(block('169.254.0.0/16', '169.254.168.0/22')),
      'spec.egress[0].to[0].ipBlock.cidr',
    ],
    ['metadata in IPv6', egressTo(block('fd00:ec2::254/128')), 'spec.egress[0].to[0].ipBlock.cidr'],
    ['an unreadable block', egressTo(block('10.0.0.0')), 'spec.egress[0].to[0].ipBlock.cidr'],
    [
      'too many blocks',
      egressTo(...Array.from({ length: MOST_BLOCKS + 1 }, (_, i) => block(`10.${i}.0.0/24`))),
      'spec',
    ],
  ])('%s is refused, with the field', (_, policy, field) => {
    expect(fields(policy)).toEqual([field]);
  });

  test('only the denied directions are looked at', () => {
    expect(fields(tenant({ ingress: [{}], egress: [{}] }), ['Ingress'])).toEqual(['spec.ingress[0].from']);
  });

  test('what passes opens nothing, so that no admitted policy takes the hardened mark away', () => {
    fc.assert(
      fc.property(policies, (list) => {
        for (const policy of list) {
          if (restrictViolations(policy, both).length === 0) expect(openings([policy], both)).toEqual([]);
        }
      }),
      { numRuns: 500 },
    );
  });
});
