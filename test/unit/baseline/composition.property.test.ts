import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { parseQuantity } from '../../../src/api/quantity.ts';
import type { LimitRangeLimit } from '../../../src/api/types.generated.ts';
import { compose } from '../../../src/baseline/desired.ts';
import type { DesiredState } from '../../../src/baseline/desired-state.ts';
import { withServerDefaults } from '../../../src/baseline/limit-range.ts';
import { podSecurityModes, strictness } from '../../../src/baseline/pod-security.ts';
import { DesiredStates } from '../../../src/controller/desired-states.ts';
import { someBaselines } from './arbitraries.ts';
import { cluster, namesIn } from './fixtures.ts';

// Properties take as long as the machine takes.
vi.setConfig({ testTimeout: 60_000 });

const facts = {
  ...cluster,
  grantable: [
    { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
    {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['clusterroles'],
      verbs: ['bind'],
      resourceNames: ['view'],
    },
  ],
};

test('the result does not depend on the order in which baselines are given', () => {
  const shuffled = someBaselines.chain((baselines) =>
    fc.tuple(fc.constant(baselines), fc.shuffledSubarray(baselines, { minLength: baselines.length })),
  );
  fc.assert(
    fc.property(shuffled, ([baselines, others]) => {
      expect(compose(others, facts)).toEqual(compose(baselines, facts));
    }),
    { numRuns: 150 },
  );
});

test('composing leaves the baselines as they are', () => {
  fc.assert(
    fc.property(someBaselines, (baselines) => {
      const before = structuredClone(baselines);
      compose(baselines, facts);
      expect(baselines).toEqual(before);
    }),
  );
});

/** Some baselines, and the same without the last. */
const moreAndFewer = someBaselines
  .filter((baselines) => baselines.length > 0)
  .map((baselines) => [baselines, baselines.slice(0, -1)] as const);

describe('adding a baseline never weakens', () => {
  function neverWeakens(check: (more: DesiredState, fewer: DesiredState) => void): void {
    fc.assert(
      fc.property(moreAndFewer, ([more, fewer]) => {
        check(compose(more, facts), compose(fewer, facts));
      }),
      { numRuns: 150 },
    );
  }

  test('the denied directions, nor a deny that stands', () => {
    neverWeakens((more, fewer) => {
      expect(more.denied).toEqual(expect.arrayContaining([...fewer.denied]));
      const denies = ({ objects }: DesiredState) => objects.filter(({ denies }) => denies);
      expect(denies(more)).toEqual(expect.arrayContaining(denies(fewer)));
    });
  });

  test('a quota: each stays as it is, and Kubernetes lets the tightest bite', () => {
    neverWeakens((more, fewer) => {
      const quotas = ({ objects }: DesiredState) => objects.filter(({ kind }) => kind === 'ResourceQuota');
      expect(quotas(more)).toEqual(expect.arrayContaining(quotas(fewer)));
    });
  });

  test('a Pod Security level, in any mode', () => {
    neverWeakens((more, fewer) => {
      for (const mode of podSecurityModes) {
        expect(strictness(more.podSecurity[mode]?.level)).toBeGreaterThanOrEqual(
          strictness(fewer.podSecurity[mode]?.level),
        );
      }
    });
  });

  test('the default ServiceAccount', () => {
    neverWeakens((more, fewer) => expect(more.denyDefaultToken || !fewer.denyDefaultToken).toBe(true));
  });
});

test('removing a baseline gives what the others alone give, also after it was there', () => {
  fc.assert(
    fc.property(moreAndFewer, ([more, fewer]) => {
      const namespace = { name: 'team-a', labels: {} };
      const states = new DesiredStates({ exceptions: () => [], now: () => 0 });
      states.update(fewer, facts);
      const before = states.of(namespace);
      states.update(more, facts);
      states.of(namespace);
      states.update(fewer, facts);
      expect(states.of(namespace)).toEqual(before);
      const gone = more.at(-1)?.metadata.uid ?? '';
      expect(JSON.stringify(states.of(namespace))).not.toContain(gone);
    }),
  );
});

test('no two objects have one name, and each carries the marks of its baseline', () => {
  fc.assert(
    fc.property(someBaselines, (baselines) => {
      const state = compose(baselines, facts);
      expect(new Set(namesIn(state)).size).toBe(state.objects.length);
      for (const { kind, name, baseline, manifest } of state.objects) {
        expect(manifest.metadata.name).toBe(name);
        expect(manifest.kind).toBe(kind);
        expect(manifest.metadata.labels).toEqual({
          'app.kubernetes.io/managed-by': 'security-baseline-operator',
          'securitybaseline.io/baseline': baseline.name,
          'securitybaseline.io/baseline-uid': baseline.uid,
        });
        if (kind !== 'ServiceAccount') expect(name.startsWith(`${baseline.name}.`)).toBe(true);
      }
    }),
  );
});

describe('LimitRanges composed', () => {
  type Values = Readonly<Record<string, string | number>> | undefined;
  const amountOf = (values: Values, resource: string): bigint | undefined => {
    const value = values?.[resource];
    return value === undefined ? undefined : parseQuantity(value);
  };

  function everyComposition(
    check: (limits: LimitRangeLimit[], resource: string, state: DesiredState) => void,
  ): void {
    fc.assert(
      fc.property(someBaselines, (baselines) => {
        const state = compose(baselines, facts);
        const limits = state.objects
          .filter(({ kind }) => kind === 'LimitRange')
          .flatMap(({ manifest }) => (manifest.spec as { limits: LimitRangeLimit[] }).limits)
          .map(withServerDefaults);
        for (const resource of ['cpu', 'memory', 'hugepages-2Mi', 'example.com/gpu'])
          check(limits, resource, state);
      }),
      { numRuns: 200 },
    );
  }
  const isContradicted = (state: DesiredState, resource: string): boolean =>
    state.problems.some(
      ({ reason, message }) => reason === 'LimitRangesContradict' && message.includes(` ${resource} `),
    );

  test('give a container the same defaults, whichever Kubernetes applies first', () => {
    everyComposition((limits, resource, state) => {
      if (isContradicted(state, resource)) return;
      for (const field of ['default', 'defaultRequest'] as const) {
        const given = limits
          .map((limit) => amountOf(limit[field], resource))
          .filter((value) => value !== undefined);
        expect(new Set(given).size).toBeLessThanOrEqual(1);
      }
    });
  });

  test('give defaults within every min and max, unless they leave nothing open: then all concerned are told', () => {
    everyComposition((limits, resource, state) => {
      const floors = limits.map(({ min }) => amountOf(min, resource)).filter((value) => value !== undefined);
      const ceilings = limits
        .map(({ max }) => amountOf(max, resource))
        .filter((value) => value !== undefined);
      const contradict = floors.some((floor) => ceilings.some((ceiling) => floor > ceiling));
      expect(isContradicted(state, resource)).toBe(contradict);
      if (contradict) return;
      for (const limit of limits) {
        for (const field of ['default', 'defaultRequest'] as const) {
          const value = amountOf(limit[field], resource);
          if (value === undefined) continue;
          expect(floors.every((floor) => floor <= value)).toBe(true);
          expect(ceilings.every((ceiling) => ceiling >= value)).toBe(true);
        }
      }
    });
  });

  test('are such that the API server takes them: min <= defaultRequest <= default <= max, equal where nothing is overcommitted', () => {
    everyComposition((limits, resource) => {
      for (const { min, defaultRequest, default: limit, max } of limits) {
        const present = [min, defaultRequest, limit, max]
          .map((values) => amountOf(values, resource))
          .filter((value) => value !== undefined);
        expect(present).toEqual(present.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
        const request = amountOf(defaultRequest, resource);
        if (resource.includes('/') || resource.startsWith('hugepages-')) {
          if (request !== undefined && amountOf(limit, resource) !== undefined)
            expect(request).toBe(amountOf(limit, resource));
        }
      }
    });
  });
});
