/** Makes one namespace what is desired of it. */
import isEqual from 'lodash/isEqual.js';
import { type Change, type ChangeSet, inStages, isInPlace } from '../diff/change-set.ts';
import type { Differ } from '../diff/diff.ts';
import type { ObservedNamespace } from '../diff/observed-namespace.ts';
import { isApiError } from '../kube/api-error.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ChangeWriter } from './change-writer.ts';
import type { ClusterView } from './cluster-view.ts';
import type { DesiredStates } from './desired-states.ts';
import { type Failure, failureOf, failureOfClash } from './failure.ts';
import type { NamespaceStates } from './namespace-states.ts';
import type { Reporter } from './reporter.ts';

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
export interface NamespaceReconcilerParts {
  readonly cluster: ClusterView;
  readonly desiredStates: DesiredStates;
  readonly differ: Differ;
  readonly writer: ChangeWriter;
  readonly states: NamespaceStates;
  readonly reporter: Reporter;
  readonly clock: Clock;
  /** Whether RBAC lets us make this change. */
  readonly isPermitted: (change: Change, namespace: string) => Promise<boolean>;
}

interface Failed {
  readonly change: Change;
  readonly error: unknown;
}

/** Level-triggered: reads what is, compares with what should be, writes the difference, and looks again. */
export class NamespaceReconciler {
  readonly #parts: NamespaceReconcilerParts;

  constructor(parts: NamespaceReconcilerParts) {
    this.#parts = parts;
  }

  /** Rejects with {@link IncompleteError} where changes failed that may succeed later. */
  async reconcile(name: string, signal: AbortSignal): Promise<void> {
    const { cluster, desiredStates, differ, states, reporter, clock } = this.#parts;
    const namespace = cluster.namespace(name);
    if (namespace === undefined) {
      states.forget(name);
      return;
    }
    const desired = desiredStates.of(namespace);
    const known = states.get(name);
    const before = known?.uid === namespace.uid ? known : undefined;
    const found = differ.diff(desired, cluster.observed(namespace));
    const failed = await this.#write(
      found,
      namespace,
      before?.pending === 'rollout' ? 'normal' : 'urgent',
      signal,
    );

    // Another look, at whatever is there by now: only what has been seen in place counts.
    const current = cluster.namespace(name);
    if (current === undefined) {
      states.forget(name);
      return;
    }
    const left = found.changes.length === 0 ? found : differ.diff(desired, cluster.observed(current));
    const isHardened = isInPlace(left);
    const failures = isHardened ? [] : await this.#failures(left, failed, current);
    const phase = isHardened ? 'hardened' : failures.length > 0 ? 'failing' : 'pending';
    states.settle(current, desired, phase, failures, clock.monotonic());

    const wasHardened = before?.phase === 'hardened' && before.desired === desired;
    const undone = new Set(failed.map(({ change }) => change));
    reporter.changed(
      current,
      found.changes.filter((change) => !undone.has(change)),
      wasHardened,
    );
    if (isHardened && before?.phase !== 'hardened') reporter.hardened(current, before);
    if (failures.length > 0 && !isEqual(failures, before?.failures)) reporter.failing(current, failures);
    if (failed.length > 0)
      throw new IncompleteError(
        name,
        failed.map(({ error }) => error),
      );
  }

  async #write(
    { changes }: ChangeSet,
    namespace: ObservedNamespace,
    priority: 'urgent' | 'normal',
    signal: AbortSignal,
  ): Promise<readonly Failed[]> {
    const { writer, clock } = this.#parts;
    const failed: Failed[] = [];
    for (const stage of inStages(changes, clock.now() - namespace.createdAt < newForMs)) {
      await Promise.all(
        stage.map(async (change) => {
          try {
            await writer.write(change, namespace, { priority, signal });
          } catch (error) {
            if (!isOvertaken(error)) failed.push({ change, error });
          }
        }),
      );
    }
    return failed;
  }

  async #failures(
    left: ChangeSet,
    failed: readonly Failed[],
    namespace: ObservedNamespace,
  ): Promise<Failure[]> {
    const { isPermitted } = this.#parts;
    const ofWrites = failed
      .filter(({ error }) => !isApiError(error, 'conflict', 'alreadyExists', 'aborted'))
      .map(({ change, error }) => failureOf(change, error, (asked) => isPermitted(asked, namespace.name)));
    return [...left.clashes.map(failureOfClash), ...(await Promise.all(ofWrites))];
  }
}

/** The cluster has moved on and there is nothing left to do here; the watch tells what is next. */
function isOvertaken(error: unknown): boolean {
  return isApiError(error, 'notFound') || (isApiError(error) && error.isNamespaceTerminating);
}
