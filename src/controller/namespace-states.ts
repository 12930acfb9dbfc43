/** What is known of each namespace's hardening: fed by the reconciler, read by status, metrics and events. */
import isEqual from 'lodash/isEqual.js';
import type { DesiredState } from '../baseline/desired-state.ts';
import type { Failure } from './failure.ts';

/** How far a namespace is. */
export type Phase = 'hardened' | 'pending' | 'failing';

/** Why a namespace is pending. */
export type PendingCause =
  /** It was created, or came to be selected. */
  | 'new'
  /** A baseline or the cluster changed, or the operator started. */
  | 'rollout';

/** One namespace. */
export interface NamespaceState {
  readonly name: string;
  /** A namespace deleted and created again under its name is another one. */
  readonly uid: string;
  readonly desired: DesiredState;
  readonly phase: Phase;
  readonly pending: PendingCause | undefined;
  /** What baselines in Audit mode would change. */
  readonly audit: readonly AuditFinding[];
  /** Why it is not hardened; empty while it is only waiting for its turn. */
  readonly failures: readonly Failure[];
  /** What was not as desired when it was last looked at, such as `NetworkPolicy tenant.default-deny`; undefined before the first look. */
  readonly outOfPlace: readonly string[] | undefined;
  /** Since when it has been hardened, or has not been: monotonic milliseconds. */
  readonly since: number;
}

/** A change that a baseline in Audit mode would make. */
export interface AuditFinding {
  readonly baselineUid: string;
  /** For example `create NetworkPolicy tenant.default-deny`. */
  readonly change: string;
}

/** What a reconcile came to. */
export interface Outcome {
  readonly phase: Phase;
  readonly failures: readonly Failure[];
  readonly audit: readonly AuditFinding[];
  readonly outOfPlace: readonly string[];
}

/** Names one namespace, not its namesakes before and after. */
export interface NamespaceRef {
  readonly name: string;
  readonly uid: string;
}

/** Holds the state of every namespace that the operator may touch. */
export class NamespaceStates {
  readonly #states = new Map<string, NamespaceState>();
  readonly #onChange: () => void;

  /** @param onChange called after each change that status may have to show */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get(name: string): NamespaceState | undefined {
    return this.#states.get(name);
  }

  get size(): number {
    return this.#states.size;
  }

  [Symbol.iterator](): Iterator<NamespaceState> {
    return this.#states.values();
  }

  /** The namespace is gone, or none of ours. */
  forget(name: string): void {
    if (this.#states.delete(name)) this.#onChange();
  }

  /**
   * This is desired of the namespace now. Where that is nothing new, nothing changes.
   *
   * @param now monotonic milliseconds
   * @returns whether it is new
   */
  expect({ name, uid }: NamespaceRef, desired: DesiredState, cause: PendingCause, now: number): boolean {
    const known = this.#states.get(name);
    const state = known?.uid === uid ? known : undefined;
    if (state?.desired === desired) return false;
    const pending = state?.phase === 'pending' && state.pending === 'new' ? 'new' : cause;
    const since = state === undefined || state.phase === 'hardened' ? now : state.since;
    const fresh = { phase: 'pending', failures: [], audit: [], outOfPlace: undefined } as const;
    this.#states.set(name, { name, uid, desired, pending, ...fresh, since });
    this.#onChange();
    return true;
  }

  /** What a reconcile came to. */
  settle({ name, uid }: NamespaceRef, desired: DesiredState, outcome: Outcome, now: number): void {
    const known = this.#states.get(name);
    const state = known?.uid === uid ? known : undefined;
    const isHardened = outcome.phase === 'hardened';
    const pending = isHardened ? undefined : state?.pending;
    const hasTurned = state === undefined || (state.phase === 'hardened') !== isHardened;
    const since = hasTurned ? now : state.since;
    const next = { name, uid, desired, pending, ...outcome, since };
    if (state?.desired === desired && isEqual(state, next)) return;
    this.#states.set(name, next);
    this.#onChange();
  }
}
