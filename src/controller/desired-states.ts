/** Desired states, composed once for all the namespaces that the same baselines select. */
import isEqual from 'lodash/isEqual.js';
import type { BaselineException, SecurityBaseline } from '../api/types.generated.ts';
import type { ClusterFacts } from '../baseline/cluster-facts.ts';
import { compose, composeAsIfEnforced, selectingBaselines } from '../baseline/desired.ts';
import type { DesiredState } from '../baseline/desired-state.ts';
import { activeExceptions, judge, type Verdict } from '../baseline/exceptions.ts';
import { isEnforcing, type NamespaceIdentity } from '../baseline/selection.ts';
import { WeakValues } from '../diff/weak-values.ts';

/** An exception, and what becomes of it now. */
export interface JudgedException {
  readonly exception: BaselineException;
  readonly verdict: Verdict;
}

/** What desired states depend on beside baselines. */
export interface DesiredStatesParts {
  /** The exceptions in a namespace. */
  readonly exceptions: (namespace: string) => readonly BaselineException[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Answers what is desired of a namespace. The same baselines and exceptions in the same cluster give the same object, so that
 * identity tells whether anything changed. That is so for as long as somebody has the object; what nobody has is forgotten, as
 * what was desired while an exception was in effect.
 */
export class DesiredStates {
  readonly #parts: DesiredStatesParts;
  #baselines: readonly SecurityBaseline[] = [];
  #facts: ClusterFacts | undefined;
  #factsText = '';
  readonly #composed = new WeakValues<string, DesiredState>();
  /** Which facts, as counted by {@link update}, each was last composed for. */
  readonly #composedFor = new WeakMap<DesiredState, number>();
  #factsCount = 0;

  constructor(parts: DesiredStatesParts) {
    this.#parts = parts;
  }

  /** To be called when a baseline or a fact changed, and before the first question. */
  update(baselines: readonly SecurityBaseline[], facts: ClusterFacts): void {
    this.#baselines = baselines;
    const factsText = JSON.stringify(facts);
    if (factsText === this.#factsText) return;
    this.#factsText = factsText;
    this.#facts = facts;
    this.#factsCount += 1;
  }

  /** What all baselines together ask of the namespace. */
  of(namespace: NamespaceIdentity): DesiredState {
    const selecting = selectingBaselines(this.#baselines, namespace);
    const active = this.#active(namespace, selecting);
    return this.#remember(keyOf(selecting, active), (facts) => compose(selecting, facts, active));
  }

  /** What they would ask if those in Audit mode enforced, too. */
  asIfEnforced(namespace: NamespaceIdentity): DesiredState {
    const selecting = selectingBaselines(this.#baselines, namespace);
    const active = this.#active(namespace, selecting);
    return this.#remember(`audit ${keyOf(selecting, active)}`, (facts) =>
      composeAsIfEnforced(selecting, facts, active),
    );
  }

  /** What one baseline asks for by itself, wherever it selects. */
  ofBaseline(baseline: SecurityBaseline): DesiredState {
    return this.#remember(keyOf([baseline], []), (facts) => compose([baseline], facts));
  }

  /** What becomes of the namespace's exceptions now. */
  judge(namespace: NamespaceIdentity): readonly JudgedException[] {
    const exceptions = this.#parts.exceptions(namespace.name);
    if (exceptions.length === 0) return [];
    const enforcing = selectingBaselines(this.#baselines, namespace).filter(isEnforcing);
    const now = this.#parts.now();
    return exceptions.map((exception) => ({ exception, verdict: judge(exception, enforcing, now) }));
  }

  #active({ name }: NamespaceIdentity, selecting: readonly SecurityBaseline[]): readonly BaselineException[] {
    const exceptions = this.#parts.exceptions(name);
    return exceptions.length === 0
      ? exceptions
      : activeExceptions(exceptions, selecting.filter(isEnforcing), this.#parts.now());
  }

  #remember(key: string, make: (facts: ClusterFacts) => DesiredState): DesiredState {
    const known = this.#composed.get(key);
    if (known !== undefined && this.#composedFor.get(known) === this.#factsCount) return known;
    if (this.#facts === undefined) throw new Error('asked for a desired state before the cluster was known');
    const made = make(this.#facts);
    // Most changes of facts (another Node, say) make no difference to most.
    const desired = known !== undefined && isEqual(known, made) ? known : made;
    if (desired !== known) this.#composed.set(key, desired);
    this.#composedFor.set(desired, this.#factsCount);
    return desired;
  }
}

function keyOf(baselines: readonly SecurityBaseline[], exceptions: readonly BaselineException[]): string {
  const parts = baselines.map(({ metadata }) => `${metadata.uid}@${metadata.generation}`);
  return [...parts, ...exceptions.map(({ metadata }) => metadata.uid)].join(' ');
}
