/** Makes one namespace what is desired of it. */
import isEqual from 'lodash/isEqual.js';
import type { DesiredState } from '../baseline/desired-state.ts';
import { type Change, type ChangeSet, describeTarget, inTracks, isInPlace } from '../diff/change-set.ts';
import type { Differ } from '../diff/diff.ts';
import { type MarkIntent, namespaceChange } from '../diff/namespace-change.ts';
import type { ObservedNamespace } from '../diff/observed-namespace.ts';
import { isApiError } from '../kube/api-error.ts';
import type { Clock } from '../runtime/clock.ts';
import { findingsOf, untold } from './audit-findings.ts';
import { heldOf, type Plan, type PlanParts, planOf, untried } from './change-plan.ts';
import type { ChangeWriter, WriteContext } from './change-writer.ts';
import type { ClusterView } from './cluster-view.ts';
import type { DesiredStates } from './desired-states.ts';
import type { Exceptions } from './exceptions.ts';
import { AlteredError, type Failure, failureOf, failureOfClash, mayBeOverSoon } from './failure.ts';
import { lossesOf } from './losses.ts';
import type { NamespaceState, NamespaceStates } from './namespace-states.ts';
import { type Reporter, tamperingOf } from './reporter.ts';
import type { Rivals } from './rivals.ts';
import { weakeningOf } from './weakening.ts';

/** A namespace this young runs nothing yet, so that its deny may go before its allowances. Milliseconds. */
const newForMs = 60_000;

/** Some changes failed; the queue tries again. */
export class IncompleteError extends Error {
  override readonly name = 'IncompleteError';
  /** The longest that the API server asked to wait, in milliseconds. */
  declare readonly retryAfterMs?: number;

  constructor(namespace: string, errors: readonly unknown[]) {
    super(`${errors.length} of the changes in namespace ${namespace} failed`, { cause: errors[0] });
    const waits = errors.flatMap((error) =>
      isApiError(error) && error.retryAfterMs !== undefined ? [error.retryAfterMs] : [],
    );
    if (waits.length > 0) this.retryAfterMs = Math.max(...waits);
  }
}

/** What the reconciler works with. */
export interface NamespaceReconcilerParts extends PlanParts {
  readonly cluster: ClusterView;
  readonly desiredStates: DesiredStates;
  readonly differ: Differ;
  readonly writer: ChangeWriter;
  readonly states: NamespaceStates;
  readonly rivals: Rivals;
  readonly exceptions: Exceptions;
  readonly reporter: Reporter;
  readonly clock: Clock;
  /** Whether RBAC lets us make this change. */
  readonly isPermitted: (change: Change, namespace: string) => Promise<boolean>;
}

interface Failed {
  readonly change: Change;
  readonly error: unknown;
}

/** What became of changes. */
interface Made extends Plan {
  readonly done: readonly Change[];
  readonly failed: readonly Failed[];
}

/** What one run of the reconciler works on. */
interface Run {
  readonly namespace: ObservedNamespace;
  readonly desired: DesiredState;
  /** What was known of this very namespace before. */
  readonly before: NamespaceState | undefined;
  /** The UIDs of the baselines whose removal is held. */
  readonly held: ReadonlySet<string>;
  readonly context: WriteContext;
}

/** Level-triggered: reads what is, compares with what should be, writes the difference, and looks again. */
export class NamespaceReconciler {
  readonly #parts: NamespaceReconcilerParts;

  constructor(parts: NamespaceReconcilerParts) {
    this.#parts = parts;
  }

  /** Rejects with {@link IncompleteError} where changes failed that may succeed later. */
  async reconcile(name: string, signal: AbortSignal): Promise<void> {
    const { cluster, desiredStates, states, exceptions, lookAgain } = this.#parts;
    const namespace = cluster.namespace(name);
    if (namespace === undefined) {
      states.forget(name);
      return;
    }
    const desired = desiredStates.of(namespace);
    let untilNextLookMs: number | undefined;
    try {
      untilNextLookMs = await this.#harden(namespace, desired, signal);
    } catch (error) {
      // An exception ends in time also where something else in its namespace is tried again for long.
      untilNextLookMs = exceptions.nextLook(namespace);
      throw error;
    } finally {
      // One that ended meanwhile has no end to come any more, and yet what it relaxed is still there.
      if (desiredStates.of(namespace) !== desired) untilNextLookMs = 0;
      if (untilNextLookMs !== undefined) lookAgain(name, untilNextLookMs, 'urgent');
    }
  }

  /** @returns in how many milliseconds an exception changes something; undefined for never */
  async #harden(
    namespace: ObservedNamespace,
    desired: DesiredState,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { cluster, desiredStates, differ, states, exceptions } = this.#parts;
    const { name } = namespace;
    const known = states.get(name);
    const before = known?.uid === namespace.uid ? known : undefined;
    const context: WriteContext = { priority: before?.pending === 'rollout' ? 'normal' : 'urgent', signal };

    const all = differ.diff(desired, cluster.observed(namespace));
    const losses = lossesOf(desired, namespace, all.changes);
    const asking: Run = { namespace, desired, before, held: new Set(losses.map(({ uid }) => uid)), context };
    // What takes nothing away does not wait for the gate.
    const repairs = await this.#make(losses.length === 0 ? all.changes : this.#differences(asking), asking);
    const run: Run = { ...asking, held: await heldOf(losses, namespace, this.#parts) };
    // Asking takes time: what is wanted again by now must not go.
    const isOver = (): boolean => desiredStates.of(cluster.namespace(name) ?? namespace) !== desired;
    const mayGo = run.held.size === losses.length || isOver() ? [] : this.#differences(run);
    const removals = await this.#make(untried(mayGo, repairs), run);

    // Another look, at whatever is there by now: only what has been seen in place counts.
    const current = cluster.namespace(name);
    if (current?.uid !== namespace.uid) {
      // A namesake has a run of its own to come.
      if (current === undefined) states.forget(name);
      return undefined;
    }
    const made = [repairs, removals];
    const isUntouched = losses.length === 0 && repairs.now.length === 0;
    const left = isUntouched ? all : differ.diff(desired, cluster.observed(current), run.held);
    const failed = made.flatMap((each) => each.failed);
    failed.push(
      ...alteredOf(
        left,
        made.flatMap(({ done }) => done),
      ),
    );
    const isPostponed = made.some(({ postponed }) => postponed.length > 0);
    failed.push(...(await this.#settle(left, isPostponed, failed, { ...run, namespace: current })));
    // What stands in the way of the namespace's objects says nothing about its exceptions.
    const untilNextLookMs = await exceptions.follow(current);
    if (failed.length > 0) {
      throw new IncompleteError(
        name,
        failed.map(({ error }) => error),
      );
    }
    return untilNextLookMs;
  }

  #differences({ namespace, desired, held }: Run): readonly Change[] {
    const { cluster, differ } = this.#parts;
    const current = cluster.namespace(namespace.name) ?? namespace;
    return differ.diff(desired, cluster.observed(current), held).changes;
  }

  /** Writes and reports what no rival would undo at once. */
  async #make(changes: readonly Change[], run: Run): Promise<Made> {
    const { now, postponed } = planOf(changes, run.namespace, this.#parts);
    const { done, failed } = await this.#write(now, run);
    this.#report(done, run);
    return { now, postponed, done, failed };
  }

  async #write(
    changes: readonly Change[],
    { namespace, context }: Run,
  ): Promise<{ readonly done: readonly Change[]; readonly failed: Failed[] }> {
    const { writer, clock } = this.#parts;
    const done: Change[] = [];
    const failed: Failed[] = [];
    const write = async (change: Change): Promise<void> => {
      try {
        await writer.write(change, namespace, context);
        done.push(change);
      } catch (error) {
        if (!isOvertaken(error)) failed.push({ change, error });
      }
    };
    const tracks = inTracks(changes, clock.now() - namespace.createdAt < newForMs);
    await Promise.all(
      tracks.map(async (stages) => {
        for (const stage of stages) await Promise.all(stage.map(write));
      }),
    );
    return { done, failed };
  }

  #report(done: readonly Change[], { namespace, desired, before }: Run): void {
    const { reporter, rivals } = this.#parts;
    // What was in place for this very desired state, and is not any more, is somebody else's doing.
    const out = before?.desired === desired ? before.outOfPlace : undefined;
    const wasInPlace = (change: Change): boolean =>
      out !== undefined && !out.includes(describeTarget(change));
    reporter.changed(namespace, done, wasInPlace);
    for (const change of done) {
      if (tamperingOf(change, wasInPlace(change)) === undefined) continue;
      if (rivals.repaired(namespace.name, change)) reporter.rival(namespace, change);
    }
  }

  /**
   * Records what it came to, and lets pods in or holds them back by the namespace's mark.
   *
   * @returns the failure to write the mark, if it failed
   */
  async #settle(
    left: ChangeSet,
    isPostponed: boolean,
    failed: readonly Failed[],
    run: Run,
  ): Promise<readonly Failed[]> {
    const { states, reporter, clock, cluster, differ } = this.#parts;
    const { namespace, desired, before, held } = run;
    const failures = [
      ...weakeningOf(desired, cluster.observed(namespace)),
      ...(isInPlace(left)
        ? []
        : [...left.clashes.map(failureOfClash), ...(await this.#failures(failed, run))]),
    ];
    const intent = markIntent(isInPlace(left) && failures.length === 0, failures);
    const unmarked = isPostponed && intent === 'set' ? [] : await this.#mark(intent, run);
    failures.push(...(await this.#failures(unmarked, run)));
    const isHardened = isInPlace(left) && failures.length === 0;
    const phase = isHardened ? 'hardened' : failures.length > 0 ? 'failing' : 'pending';
    const all = held.size === 0 ? left : differ.diff(desired, cluster.observed(namespace));
    const audit = findingsOf(desired, all, namespace, this.#parts);
    if (!isEqual(audit, before?.audit ?? []))
      reporter.audited(namespace, untold(desired.auditing, before, cluster), audit);
    // It may have gone while we wrote and asked. That it did has been told; a state kept now would stay for ever.
    if (cluster.namespace(namespace.name)?.uid !== namespace.uid) return unmarked;
    const outOfPlace = all.changes.map(describeTarget);
    states.settle(namespace, desired, { phase, failures, audit, outOfPlace }, clock.monotonic());
    if (isHardened && before?.phase !== 'hardened') reporter.hardened(namespace, before);
    if (failures.length > 0 && !isEqual(failures, before?.failures)) reporter.failing(namespace, failures);
    return unmarked;
  }

  async #mark(intent: MarkIntent, run: Run): Promise<readonly Failed[]> {
    const { desired, namespace, held } = run;
    const change = intent === 'keep' ? undefined : namespaceChange(desired, namespace, intent, held);
    return change === undefined ? [] : (await this.#write([change], run)).failed;
  }

  async #failures(failed: readonly Failed[], { namespace, desired, before }: Run): Promise<Failure[]> {
    const { isPermitted } = this.#parts;
    const wasOut = before?.desired === desired ? (before.outOfPlace ?? []) : [];
    const lasting = failed.filter(({ change, error }) =>
      mayBeOverSoon(change, error)
        ? wasOut.includes(describeTarget(change))
        : !isApiError(error, 'conflict', 'alreadyExists', 'aborted'),
    );
    return await Promise.all(
      lasting.map(({ change, error }) =>
        failureOf(change, error, (asked) => isPermitted(asked, namespace.name)),
      ),
    );
  }
}

/**
 * What was written and is not as it was written. Somebody may have been quick; who does it each time is an admission webhook, or the
 * API server itself, and no event will tell of it: it has to be tried again, and to be named.
 */
function alteredOf({ changes }: ChangeSet, done: readonly Change[]): readonly Failed[] {
  const written = new Set(
    done.filter(({ action }) => action !== 'delete' && action !== 'release').map(describeTarget),
  );
  return changes
    .filter((change) => written.has(describeTarget(change)))
    .map((change) => ({ change, error: new AlteredError(describeTarget(change)) }));
}

/** A name that is taken says nothing about protection; a passing failure will pass. */
function markIntent(isHardened: boolean, failures: readonly Failure[]): MarkIntent {
  if (isHardened) return 'set';
  return failures.some(
    ({ reason }) =>
      reason === 'Weakened' || reason === 'Forbidden' || reason === 'Refused' || reason === 'Altered',
  )
    ? 'clear'
    : 'keep';
}

/** The cluster has moved on and there is nothing left to do here; the watch tells what is next. */
function isOvertaken(error: unknown): boolean {
  return isApiError(error, 'notFound') || (isApiError(error) && error.isNamespaceTerminating);
}
