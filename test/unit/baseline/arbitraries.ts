/** Random baselines that the CRD accepts, few enough in kind that they often meet. */
import fc from 'fast-check';
import type {
  LimitRangeLimit,
  NamedPeers,
  SecurityBaseline,
  SecurityBaselineSpec,
} from '../../../src/api/types.generated.ts';
import { baseline } from './fixtures.ts';

const justification = 'needed for the test';

function maybe<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

/** Without the fields that are undefined: JSON has none. */
function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

const directions = fc.subarray(['Ingress', 'Egress'] as const, { minLength: 1 }).map((list) => [...list]);

const peers: fc.Arbitrary<NamedPeers> = fc
  .record({
    dns: maybe(fc.constant({})),
    sameNamespace: maybe(fc.constant({})),
    kubernetesAPI: maybe(fc.constant({})),
    internet: maybe(fc.constant({ justification })),
    gateway: maybe(fc.constant({ namespace: 'gateway', justification })),
    nodes: maybe(fc.constant({ justification })),
  })
  .map((fields) => defined(fields) as NamedPeers);

const quantity = fc.integer({ min: 1, max: 9 }).map((n) => (n % 2 === 0 ? n : `${n}000m`));
const resource = fc.constantFrom('cpu', 'memory', 'hugepages-2Mi', 'example.com/gpu');

/** A Container limit in which, per resource, min <= defaultRequest <= default <= max, as far as they are given. */
export const containerLimit: fc.Arbitrary<LimitRangeLimit> = fc
  .uniqueArray(
    fc.record({
      resource,
      values: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 4, maxLength: 4 }),
      given: fc.subarray(['min', 'defaultRequest', 'default', 'max'] as const, { minLength: 1 }),
      milli: fc.boolean(),
    }),
    { selector: (entry) => entry.resource, minLength: 1, maxLength: 3 },
  )
  .map((entries) => {
    const limit: Record<string, Record<string, string | number>> = {};
    for (const { resource: name, values, given, milli } of entries) {
      const sorted = values.toSorted((a, b) => a - b);
      const isWhole = name.includes('/') || name.startsWith('hugepages-');
      for (const field of given) {
        const index = ['min', 'defaultRequest', 'default', 'max'].indexOf(field);
        // What may not be overcommitted has one value for all but min.
        const value = sorted[isWhole && field !== 'min' ? 3 : index] ?? 1;
        limit[field] = { ...limit[field], [name]: milli ? `${value}000m` : value };
      }
    }
    return { type: 'Container' as const, ...limit };
  });

const itemName = fc.constantFrom('one', 'two');

const spec: fc.Arbitrary<Partial<SecurityBaselineSpec>> = fc
  .record({
    priority: maybe(fc.constantFrom(0, 100, 1000)),
    mode: maybe(fc.constantFrom('Enforce' as const, 'Enforce' as const, 'Audit' as const)),
    deletionPolicy: maybe(fc.constantFrom('Delete' as const, 'Orphan' as const)),
    networkPolicy: maybe(
      fc
        .record({
          defaultDeny: maybe(directions),
          allow: maybe(peers),
          policies: maybe(
            fc.uniqueArray(
              itemName.map((name) => ({
                name,
                justification,
                spec: { podSelector: {}, policyTypes: ['Ingress' as const] },
              })),
              { selector: ({ name }) => name },
            ),
          ),
        })
        .map(defined),
    ),
    resourceQuotas: maybe(
      fc.uniqueArray(
        fc.record({
          name: itemName,
          spec: fc.record({ hard: fc.dictionary(resource, quantity, { minKeys: 1 }) }),
        }),
        { selector: ({ name }) => name, minLength: 1 },
      ),
    ),
    limitRanges: maybe(
      fc.uniqueArray(
        fc.record({ name: itemName, spec: containerLimit.map((limit) => ({ limits: [limit] })) }),
        { selector: ({ name }) => name, minLength: 1 },
      ),
    ),
    serviceAccounts: maybe(
      fc.uniqueArray(
        fc
          .record({
            name: fc.constantFrom('app', 'job'),
            automountToken: maybe(fc.boolean()),
            rules: maybe(fc.constant([{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }])),
            clusterRoles: maybe(fc.subarray(['view', 'edit'], { minLength: 1 })),
          })
          .map(defined),
        { selector: ({ name }) => name, minLength: 1 },
      ),
    ),
    defaultServiceAccount: maybe(fc.constant({ automountToken: false })),
    podSecurity: maybe(
      fc
        .record({
          enforce: maybe(fc.constantFrom('baseline' as const, 'restricted' as const)),
          audit: maybe(fc.constantFrom('baseline' as const, 'restricted' as const)),
          warn: maybe(fc.constantFrom('baseline' as const, 'restricted' as const)),
          version: maybe(fc.constantFrom('latest', 'v1.9', 'v1.30')),
        })
        .map(defined),
    ),
  })
  .map((fields) => defined(fields) as unknown as Partial<SecurityBaselineSpec>);

/** Baselines with names of their own, in any order. */
export const someBaselines: fc.Arbitrary<SecurityBaseline[]> = fc.uniqueArray(
  fc
    .tuple(fc.constantFrom('alpha', 'beta', 'gamma', 'delta'), spec)
    .map(([name, given]) => baseline(name, given)),
  { selector: ({ metadata }) => metadata.name, maxLength: 4 },
);
