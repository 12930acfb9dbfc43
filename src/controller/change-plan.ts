/** Sorts what is to be changed in a namespace into what is written now and what must wait. */
import type { DesiredState } from '../baseline/desired-state.ts';
import type { Change } from '../diff/change-set.ts';
import { noneHeld } from '../diff/namespace-change.ts';
import type { ObservedNamespace } from '../diff/observed-namespace.ts';
import type { Lane } from '../runtime/work-queue.ts';
import { lossesOf, type RemovalGate } from './removal-gate.ts';
import type { Rivals } from './rivals.ts';

/** What is held is looked at again so often, beside when something changes. Milliseconds. */
const heldRecheckMs = 60_000;

/** What decides on waiting. */
export interface PlanParts {
  readonly gate: Pick<RemovalGate, 'mayLose'>;
  readonly rivals: Pick<Rivals, 'waitFor'>;
  /**
   * Asks for another look at the namespace in so long, whatever comes of this one. Urgent where something stands open until then: a
   * rollout to the whole fleet must not come in between.
   */
  readonly lookAgain: (namespace: string, inMs: number, lane: Lane) => void;
}

/** What is to be written now, and what must wait. */
export interface Plan {
  readonly now: readonly Change[];
  /** For a rival, who would undo them at once. */
  readonly postponed: readonly Change[];
}

/**
 * Asks the removal gate; asks for another look where it holds something.
 *
 * @param changes all that is to be done if nothing is held
 * @returns the UIDs of the baselines whose removal is held: what they gave stays
 */
export async function heldIn(
  changes: readonly Change[],
  desired: DesiredState,
  namespace: ObservedNamespace,
  { gate, lookAgain }: Pick<PlanParts, 'gate' | 'lookAgain'>,
): Promise<ReadonlySet<string>> {
  if (changes.length === 0) return noneHeld;
  const leftovers = changes.flatMap((change) => (isLoss(change) ? [change.observed] : []));
  const held = new Set<string>();
  for (const loss of lossesOf(desired, namespace, leftovers)) {
    if (!(await gate.mayLose(loss, namespace.name))) held.add(loss.uid);
  }
  if (held.size > 0) lookAgain(namespace.name, heldRecheckMs, 'normal');
  return held;
}

/** Keeps back what a rival would undo at once; asks for another look at it. */
export function planOf(
  changes: readonly Change[],
  namespace: ObservedNamespace,
  { rivals, lookAgain }: Pick<PlanParts, 'rivals' | 'lookAgain'>,
): Plan {
  const now: Change[] = [];
  const postponed: Change[] = [];
  for (const change of changes) {
    const waitMs = rivals.waitFor(namespace.name, change);
    if (waitMs > 0) {
      postponed.push(change);
      lookAgain(namespace.name, waitMs, 'urgent');
    } else now.push(change);
  }
  return { now, postponed };
}

/** Removals of what we gave. What somebody else put in its place protected nobody, and goes unasked. */
function isLoss(change: Change): change is Change & { action: 'delete' | 'release' } {
  if (change.action === 'delete') return change.why === undefined && change.observed.baselineUid !== '';
  return change.action === 'release';
}
