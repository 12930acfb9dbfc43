/** Sorts what is to be changed in a namespace into what is written now and what must wait. */
import type { DesiredState } from '../baseline/desired-state.ts';
import type { Change } from '../diff/change-set.ts';
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
  /** By the removal gate. */
  readonly held: readonly Change[];
  /** For a rival, who would undo them at once. */
  readonly postponed: readonly Change[];
}

/** Nothing is to be changed. */
export const nothingPlanned: Plan = { now: [], held: [], postponed: [] };

/** Keeps back what the removal gate holds, and what a rival would undo at once; asks for another look at both. */
export async function planOf(
  changes: readonly Change[],
  desired: DesiredState,
  namespace: ObservedNamespace,
  { gate, rivals, lookAgain }: PlanParts,
): Promise<Plan> {
  const leftovers = changes.flatMap((change) => (isLoss(change) ? [change.observed] : []));
  const heldUids = new Set<string>();
  for (const loss of lossesOf(desired, namespace, leftovers)) {
    if (!(await gate.mayLose(loss, namespace.name))) heldUids.add(loss.uid);
  }
  const now: Change[] = [];
  const held: Change[] = [];
  const postponed: Change[] = [];
  if (heldUids.size > 0) lookAgain(namespace.name, heldRecheckMs, 'normal');
  for (const change of changes) {
    const waitMs = rivals.waitFor(namespace.name, change);
    if (isHeld(change, heldUids)) held.push(change);
    else if (waitMs > 0) {
      postponed.push(change);
      lookAgain(namespace.name, waitMs, 'urgent');
    } else now.push(change);
  }
  return { now, held, postponed };
}

/** Removals of what we gave. What somebody else put in its place protected nobody, and goes unasked. */
function isLoss(change: Change): change is Change & { action: 'delete' | 'release' } {
  if (change.action === 'delete') return change.why === undefined && change.observed.baselineUid !== '';
  return change.action === 'release';
}

/** Removals of what held baselines gave; where any is held, the namespace's labels and the default token stay as well. */
function isHeld(change: Change, heldUids: ReadonlySet<string>): boolean {
  if (heldUids.size === 0) return false;
  switch (change.action) {
    case 'delete':
    case 'release':
      return isLoss(change) && heldUids.has(change.observed.baselineUid);
    case 'label':
      return change.loses;
    case 'set-default-token':
      return change.automount === undefined;
    default:
      return false;
  }
}

/** Two looks at the cluster give two changes for one thing. */
export function sameTarget(a: Change, b: Change): boolean {
  if (a.action !== b.action) return false;
  return 'observed' in a && 'observed' in b ? a.observed.uid === b.observed.uid : true;
}
