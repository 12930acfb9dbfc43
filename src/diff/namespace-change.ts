/** The labels and annotations that we hold on a namespace. */
import { podSecurityMark } from '../baseline/admission-marks.ts';
import type { DesiredState } from '../baseline/desired-state.ts';
import { podSecurityLabels, podSecurityModes } from '../baseline/pod-security.ts';
import type { Change } from './change-set.ts';
import {
  type NamespaceMark,
  namespaceMarkNames,
  namespaceMarks,
  type ObservedNamespace,
  sameMarks,
} from './observed-namespace.ts';
import { podSecurityChange } from './pod-security-change.ts';

/** What is to become of the mark by which pods are let in. */
export type MarkIntent =
  /** As it is: hardening goes on, and an earlier mark stays good. */
  | 'keep'
  /** The namespace is hardened by all of its baselines. */
  | 'set'
  /** Protection is missing and cannot be put back, or is undone by a tenant's policy. */
  | 'clear';

/** No removal is held. */
export const noneHeld: ReadonlySet<string> = new Set();

/**
 * The labels and annotations that the namespace should have from us; undefined where it has just these.
 *
 * @param held the UIDs of baselines that no longer select the namespace and whose removal is held: until that is confirmed or undone, no
 * Pod Security label of ours goes, or gets weaker, and the marks go on telling of what they deny
 */
export function namespaceChange(
  desired: DesiredState,
  namespace: ObservedNamespace,
  intent: MarkIntent,
  held: ReadonlySet<string>,
): (Change & { action: 'label' }) | undefined {
  // Baselines in Audit mode write nothing, and what they wrote when they enforced stays.
  if (desired.baselines.length === 0 && desired.auditing.length > 0) return undefined;
  const stayed = staying(desired, namespace, held);
  const levels = podSecurityChange(
    desired,
    namespace,
    held.size > 0 ? 'everything' : stayed.length > 0 ? 'unwanted' : 'nothing',
  );
  const modes = podSecurityModes.filter((mode) => {
    const { level, version } = podSecurityLabels(mode);
    return Object.hasOwn(levels.labels, level) || Object.hasOwn(levels.labels, version);
  });
  const marks: Readonly<Record<NamespaceMark, string>> = {
    hardened: hardenedFor(desired, namespace, intent, held),
    exceptions: desired.exceptionMark,
    defaultDeny: deniedFor(desired, namespace, held),
    podSecurity: podSecurityMark(modes) ?? '',
    podSecurityBy: modes.length === 0 ? '' : [...desired.podSecurityBy, ...stayed].sort().join(','),
  };
  if (!levels.differs && sameMarks(marks, namespace.marks)) return undefined;
  return {
    action: 'label',
    labels: levels.labels,
    annotations: Object.fromEntries(
      namespaceMarkNames.flatMap((mark) => (marks[mark] === '' ? [] : [[namespaceMarks[mark], marks[mark]]])),
    ),
    loses: levels.loses,
  };
}

/** Those of the baselines which gave the labels that write none any more, and whose labels stay: in Audit mode, or held. */
function staying(
  desired: DesiredState,
  namespace: ObservedNamespace,
  held: ReadonlySet<string>,
): readonly string[] {
  const auditing = desired.auditing.map(({ uid }) => uid);
  return namespace.marks.podSecurityBy.split(',').filter((uid) => held.has(uid) || auditing.includes(uid));
}

/** A held baseline's own part of the mark stays, so that pods may start at once when the removal is undone. */
function hardenedFor(
  desired: DesiredState,
  namespace: ObservedNamespace,
  intent: MarkIntent,
  held: ReadonlySet<string>,
): string {
  const before = namespace.marks.hardened;
  if (intent === 'clear') return '';
  if (desired.mark.length === 0) return held.size > 0 ? before : '';
  if (intent === 'keep') return before;
  return [...desired.mark, ...before.split(',').filter((uid) => held.has(uid))].sort().join(',');
}

/** What is held still denies, so what restricts tenants must go on knowing of it. */
function deniedFor(desired: DesiredState, namespace: ObservedNamespace, held: ReadonlySet<string>): string {
  if (held.size === 0) return desired.deniedMark;
  const directions = [desired.deniedMark, namespace.marks.defaultDeny].join(',').split(',');
  return [...new Set(directions)]
    .filter((direction) => direction !== '')
    .sort()
    .join(',');
}
