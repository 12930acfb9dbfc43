/** Pod Security labels: ours beside those that were there before us, and while a removal is held. */
import { describe, expect, test } from 'vitest';
import { compose } from '../../../src/baseline/desired.ts';
import {
  type DesiredState,
  nothingDesired,
  type PodSecurityLevel,
} from '../../../src/baseline/desired-state.ts';
import { namespaceChange, noneHeld } from '../../../src/diff/namespace-change.ts';
import type { ObservedNamespace } from '../../../src/diff/observed-namespace.ts';
import { baseline, cluster } from '../baseline/fixtures.ts';
import { appliedLabels, namespace } from './fixtures.ts';

const enforce = 'pod-security.kubernetes.io/enforce';
const version = `${enforce}-version`;
const restricted = compose([baseline('tenant', { podSecurity: { enforce: 'restricted' } })], cluster);
const baselineLevel = compose([baseline('tenant', { podSecurity: { enforce: 'baseline' } })], cluster);

/** Labels that are all ours, and by whom. */
function labelledByUs(labels: Readonly<Record<string, string>>, ...by: readonly string[]): ObservedNamespace {
  return namespace({
    labels,
    annotations: {
      'securitybaseline.io/pod-security-by': by.join(','),
      'securitybaseline.io/pod-security': 'enforce',
    },
    ...appliedLabels(...Object.keys(labels)),
  });
}

function wanting(level: PodSecurityLevel['level'], of: string): DesiredState {
  return { ...restricted, podSecurity: { enforce: { level, version: of } } };
}

function change(state: DesiredState, ns: ObservedNamespace, held = noneHeld) {
  return namespaceChange(state, ns, 'keep', held);
}

function labelsFor(state: DesiredState, ns: ObservedNamespace): Readonly<Record<string, string>> | undefined {
  return change(state, ns)?.labels;
}

describe('labels', () => {
  test('are set where they are missing or weaker', () => {
    const wanted = { [enforce]: 'restricted', [version]: 'latest' };
    expect(labelsFor(restricted, namespace())).toEqual(wanted);
    expect(labelsFor(restricted, namespace({ labels: { [enforce]: 'privileged' } }))).toEqual(wanted);
    expect(labelsFor(restricted, namespace({ labels: { [enforce]: 'nonsense' } }))).toEqual(wanted);
    expect(labelsFor(restricted, namespace({ labels: { ...wanted, [version]: 'v1.20' } }))).toEqual(wanted);
    expect(labelsFor(restricted, namespace({ labels: { [version]: 'v1.20' } }))).toEqual(wanted);
  });

  test("that are somebody else's and stricter stay", () => {
    expect(labelsFor(baselineLevel, namespace({ labels: { [enforce]: 'restricted' } }))).toBeUndefined();
    const newer = { [enforce]: 'restricted', [version]: 'v1.36' };
    expect(labelsFor(wanting('restricted', 'v1.30'), namespace({ labels: newer }))).toBeUndefined();
  });

  test('that are ours and stricter than what is now wanted follow', () => {
    const ns = namespace({ labels: { [enforce]: 'restricted' }, ...appliedLabels(enforce) });
    expect(labelsFor(baselineLevel, ns)).toMatchObject({ [enforce]: 'baseline' });
  });

  test('that are ours go when nothing wants them, and that is a loss of protection', () => {
    const ns = labelledByUs({ [enforce]: 'restricted', [version]: 'latest' });
    expect(change(nothingDesired, ns)).toMatchObject({ action: 'label', labels: {}, loses: true });
  });

  test('that are not ours stay when nothing wants them', () => {
    expect(change(nothingDesired, namespace({ labels: { [enforce]: 'restricted' } }))).toBeUndefined();
  });
});

describe("somebody else's level and version, of which ours are neither above nor below", () => {
  test('a stricter level of an older version keeps the level, and gets our version', () => {
    const ns = namespace({ labels: { [enforce]: 'restricted', [version]: 'v1.0' } });
    expect(change(baselineLevel, ns)).toMatchObject({
      labels: { [version]: 'latest' },
      annotations: { 'securitybaseline.io/pod-security': 'enforce' },
      loses: false,
    });
  });

  test('a lower level of a newer version gets our level, and keeps the version', () => {
    const ns = namespace({ labels: { [enforce]: 'baseline', [version]: 'latest' } });
    expect(change(wanting('restricted', 'v1.25'), ns)).toMatchObject({
      labels: { [enforce]: 'restricted' },
      loses: false,
    });
  });

  test.each([
    ['that refuses nothing', { [enforce]: 'privileged', [version]: 'latest' }],
    ["without a version, which is nobody's wish", { [enforce]: 'baseline' }],
  ])('a lower level %s gets both of ours', (_what, labels) => {
    expect(labelsFor(wanting('restricted', 'v1.25'), namespace({ labels }))).toEqual({
      [enforce]: 'restricted',
      [version]: 'v1.25',
    });
  });

  test('a level without a version is of the latest: an older one is not written beside it', () => {
    const ns = namespace({ labels: { [enforce]: 'restricted' } });
    expect(change(wanting('restricted', 'v1.25'), ns)).toBeUndefined();
    expect(change(wanting('baseline', 'v1.25'), ns)).toBeUndefined();
  });
});

describe('while a removal is held', () => {
  const held = new Set(['uid-of-gone']);
  const both = ['uid-of-gone', 'uid-of-tenant'];
  const strict = { [enforce]: 'restricted', [version]: 'v1.30' };

  test('the level that the baseline gave stays, though another asks for a lower one of a newer version', () => {
    expect(
      change({ ...baselineLevel, podSecurityBy: ['uid-of-tenant'] }, labelledByUs(strict, ...both), held),
    ).toBeUndefined();
  });

  test('all of its labels stay where no other asks for any', () => {
    expect(change(nothingDesired, labelledByUs(strict, 'uid-of-gone'), held)).toBeUndefined();
  });

  test('a stricter level and a newer version are written', () => {
    const low = labelledByUs({ [enforce]: 'baseline', [version]: 'v1.30' }, ...both);
    expect(change(restricted, low, held)).toMatchObject({
      labels: { [enforce]: 'restricted', [version]: 'latest' },
      annotations: { 'securitybaseline.io/pod-security-by': both.join(',') },
      loses: false,
    });
  });

  test('a stricter level does not bring an older version', () => {
    const low = labelledByUs({ [enforce]: 'baseline', [version]: 'latest' }, ...both);
    expect(change(wanting('restricted', 'v1.25'), low, held)).toMatchObject({
      labels: { [enforce]: 'restricted', [version]: 'latest' },
    });
  });

  test('pods may go on starting, also for those who select the namespace meanwhile', () => {
    const ns = namespace({ annotations: { 'securitybaseline.io/hardened': 'uid-of-gone,uid-of-former' } });
    const holding = { ...restricted, podSecurity: {}, podSecurityBy: [], mark: ['uid-of-tenant'] };
    expect(change(nothingDesired, ns, held)).toBeUndefined();
    expect(namespaceChange(holding, ns, 'set', held)?.annotations).toEqual({
      'securitybaseline.io/hardened': 'uid-of-gone,uid-of-tenant',
    });
    expect(namespaceChange(holding, ns, 'clear', held)?.annotations).toEqual({});
  });

  test('the marks go on telling what is denied', () => {
    const ns = namespace({
      annotations: { 'securitybaseline.io/default-deny': 'Egress' },
    });
    expect(change(nothingDesired, ns, held)).toBeUndefined();
    expect(
      change({ ...restricted, podSecurity: {}, podSecurityBy: [], deniedMark: 'Ingress' }, ns, held)
        ?.annotations,
    ).toEqual({ 'securitybaseline.io/default-deny': 'Egress,Ingress' });
    expect(change(nothingDesired, ns)).toMatchObject({ annotations: {} });
  });

  test('it goes once that is confirmed: what the others ask for is written, and it is forgotten', () => {
    expect(change(baselineLevel, labelledByUs(strict, ...both))).toEqual({
      action: 'label',
      labels: { [enforce]: 'baseline', [version]: 'latest' },
      annotations: {
        'securitybaseline.io/pod-security-by': 'uid-of-tenant',
        'securitybaseline.io/pod-security': 'enforce',
      },
      loses: true,
    });
  });
});

describe('what a baseline gave before it was set to Audit', () => {
  const auditing = [{ name: 'gone', uid: 'uid-of-gone' }];
  const strict = { [enforce]: 'restricted', [version]: 'latest' };

  test('stays where no other asks for a level, and has no say against one that does', () => {
    const ns = labelledByUs(strict, 'uid-of-gone', 'uid-of-tenant');
    expect(labelsFor({ ...baselineLevel, podSecurity: {}, auditing }, ns)).toBeUndefined();
    expect(labelsFor({ ...baselineLevel, auditing }, ns)).toMatchObject({ [enforce]: 'baseline' });
  });

  test('is not what another gave, who may lower it or take it back', () => {
    const ns = labelledByUs(strict, 'uid-of-tenant');
    expect(labelsFor({ ...baselineLevel, auditing }, ns)).toMatchObject({ [enforce]: 'baseline' });
    expect(labelsFor({ ...baselineLevel, podSecurity: {}, auditing }, ns)).toEqual({});
  });
});
