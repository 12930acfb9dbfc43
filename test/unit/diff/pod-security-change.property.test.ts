/** The rules by which we write Pod Security labels, over all labels, whosever they are, and all that may be wanted. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type DesiredState,
  nothingDesired,
  type PodSecurityLevel,
} from '../../../src/baseline/desired-state.ts';
import {
  compareVersions,
  isStricter,
  type PodSecurityStanding,
  podSecurityLabels,
  podSecurityModes,
  refusesAll,
  strictness,
} from '../../../src/baseline/pod-security.ts';
import { namespaceChange, noneHeld } from '../../../src/diff/namespace-change.ts';
import type { ObservedNamespace } from '../../../src/diff/observed-namespace.ts';
import { appliedLabels, namespace } from './fixtures.ts';

const versions = ['v1.0', 'v1.9', 'v1.30', 'latest'];
const label = <T>(...values: readonly T[]) =>
  fc.option(fc.record({ text: fc.constantFrom(...values), isOurs: fc.boolean() }), { nil: undefined });
const labelled = fc
  .tuple(
    ...podSecurityModes.map((mode) =>
      fc.tuple(
        fc.constant(podSecurityLabels(mode)),
        label('privileged', 'baseline', 'restricted'),
        label(...versions),
      ),
    ),
  )
  .map((modes) =>
    modes.flatMap(
      ([keys, level, of]) =>
        [
          [keys.level, level],
          [keys.version, of],
        ] as const,
    ),
  )
  .map((entries) => entries.flatMap(([key, given]) => (given === undefined ? [] : [{ key, ...given }])));
const wanted = fc
  .tuple(
    ...podSecurityModes.map(() =>
      fc.option(
        fc.record({
          level: fc.constantFrom('privileged' as const, 'baseline' as const, 'restricted' as const),
          version: fc.constantFrom(...versions),
        }),
        { nil: undefined },
      ),
    ),
  )
  .map((levels) =>
    Object.fromEntries(
      podSecurityModes.flatMap((mode, at) => (levels[at] === undefined ? [] : [[mode, levels[at]]])),
    ),
  )
  .map(
    (podSecurity): DesiredState => ({
      ...nothingDesired,
      baselines: [{ name: 'tenant', uid: 'uid-of-tenant' }],
      podSecurity,
    }),
  );

type Label = { readonly key: string; readonly text: string; readonly isOurs: boolean };

function namespaceWith(given: readonly Label[]): ObservedNamespace {
  return namespace({
    labels: Object.fromEntries(given.map(({ key, text }) => [key, text])),
    ...appliedLabels(...given.filter(({ isOurs }) => isOurs).map(({ key }) => key)),
  });
}

/** What the API server makes of it when we apply. */
function applied(given: readonly Label[], state: DesiredState, held: ReadonlySet<string>): readonly Label[] {
  const labels = namespaceChange(state, namespaceWith(given), 'keep', held)?.labels;
  if (labels === undefined) return given;
  return [
    ...given.filter(({ key, isOurs }) => !isOurs && !Object.hasOwn(labels, key)),
    ...Object.entries(labels).map(([key, text]) => ({ key, text, isOurs: true })),
  ];
}

function standings(given: readonly Label[]) {
  const find = (key: string) => given.find((each) => each.key === key);
  return podSecurityModes.map((mode) => {
    const keys = podSecurityLabels(mode);
    const level = find(keys.level);
    const of = find(keys.version);
    const standing: PodSecurityStanding = { level: level?.text, version: of?.text ?? 'latest' };
    return {
      mode,
      standing,
      isVersionGiven: of !== undefined,
      isOurs: level?.isOurs === true || of?.isOurs === true,
    };
  });
}

function everyCase(
  heldUids: readonly string[],
  check: (
    before: ReturnType<typeof standings>[number],
    after: PodSecurityStanding,
    want: PodSecurityLevel | undefined,
  ) => void,
): void {
  fc.assert(
    fc.property(labelled, wanted, (given, state) => {
      const after = standings(applied(given, state, new Set(heldUids)));
      for (const [at, before] of standings(given).entries())
        check(before, after[at]?.standing ?? before.standing, state.podSecurity[before.mode]);
    }),
    { numRuns: 300 },
  );
}

/** Neither level nor version, as far as somebody has written one. */
function expectNotWeaker(
  after: PodSecurityStanding,
  { standing, isVersionGiven }: ReturnType<typeof standings>[number],
): void {
  expect(strictness(after.level)).toBeGreaterThanOrEqual(strictness(standing.level));
  const counts = isVersionGiven || after.level === standing.level;
  if (counts && strictness(standing.level) > 0)
    expect(compareVersions(after.version, standing.version)).toBeGreaterThanOrEqual(0);
}

test("somebody else's get no weaker, in level or version", () => {
  everyCase([], (before, after) => {
    if (!before.isOurs) expectNotWeaker(after, before);
  });
});

test('what is wanted is refused afterwards, all of it', () => {
  everyCase([], (_before, after, want) => {
    if (want !== undefined) expect(refusesAll(after, want)).toBe(true);
  });
});

test('while a removal is held, none gets weaker, in level or version, and what is wanted is refused as baselines would compose it', () => {
  everyCase(['uid-of-gone'], (before, after, want) => {
    expectNotWeaker(after, before);
    if (want !== undefined && want.level !== 'privileged') expect(isStricter(want, after)).toBe(false);
  });
});

test('a second look finds nothing to do, held or not', () => {
  fc.assert(
    fc.property(labelled, wanted, fc.boolean(), (given, state, isHeld) => {
      const held = new Set(isHeld ? ['uid-of-gone'] : []);
      const once = applied(given, state, held);
      expect(applied(once, state, held)).toEqual(once);
    }),
    { numRuns: 300 },
  );
});

test('a loss is told just where something gets weaker', () => {
  fc.assert(
    fc.property(labelled, wanted, (given, state) => {
      const before = standings(given);
      const after = standings(applied(given, state, noneHeld));
      const isWeaker = after.some(
        ({ standing }, at) => !refusesAll(standing, before[at]?.standing ?? standing),
      );
      expect(namespaceChange(state, namespaceWith(given), 'keep', noneHeld)?.loses ?? false).toBe(isWeaker);
    }),
    { numRuns: 300 },
  );
});
