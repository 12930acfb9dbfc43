/** Sorts what is to be changed in a namespace into what is written now and what must wait. */
import { type Change, describeChange } from '../diff/change-set.ts';
import type { ObservedNamespace } from '../diff/observed-namespace.ts';
import type { Lane } from '../runtime/work-queue.ts';
import type { Loss } from './losses.ts';
import type { RemovalGate } from './removal-gate.ts';
import type { Rivals } from './rivals.ts';

/**
 * More baselines at a time than any namespace loses. Where there is no guard, UIDs can be made up by the thousand; each costs a request.
 * The others are asked about next time.
 */
const maxAsked = 64;
/** Milliseconds. */
const nextAskedMs = 60_000;

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
 * Asks the removal gate, which asks for another look at the namespace itself when it lets go what it held.
 *
 * @returns the UIDs of the baselines whose removal is held: what they gave stays
 */
export async function heldOf(
  losses: readonly Loss[],
  namespace: ObservedNamespace,
  { gate, lookAgain }: Pick<PlanParts, 'gate' | 'lookAgain'>,
): Promise<ReadonlySet<string>> {
  const held = new Set<string>();
  for (const loss of losses.slice(0, maxAsked)) {
    if (!(await gate.mayLose(loss, namespace.name))) held.add(loss.uid);
  }
  if (losses.length > maxAsked) lookAgain(namespace.name, nextAskedMs, 'normal');
  for (const { uid } of losses.slice(maxAsked)) held.add(uid);
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

/** Without what has been tried or postponed before. The namespace's labels are one change each time, by which others go. */
export function untried(changes: readonly Change[], { now, postponed }: Plan): readonly Change[] {
  const known = new Set([...now, ...postponed].map(describeChange));
  return changes.filter((change) => change.action === 'label' || !known.has(describeChange(change)));
}
