/** Desired states, composed once for all the namespaces that the same baselines select. */
import isEqual from 'lodash/isEqual.js';
import type { BaselineException, SecurityBaseline } from '../api/types.generated.ts';
import type { ClusterFacts } from '../baseline/cluster-facts.ts';
import { compose, composeAsIfEnforced, selectingBaselines } from '../baseline/desired.ts';
import type { DesiredState } from '../baseline/desired-state.ts';
import { activeExceptions, judge, type Verdict } from '../baseline/exceptions.ts';
import { isEnforcing, type NamespaceIdentity } from '../baseline/selection.ts';

/** More combinations of baselines than any cluster has; a bound all the same. */
const maxRemembered = 4096;

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
 * identity tells whether anything changed.
 */
export class DesiredStates {
  readonly #parts: DesiredStatesParts;
  #baselines: readonly SecurityBaseline[] = [];
  #facts: ClusterFacts | undefined;
  #factsText = '';
  #composed = new Map<string, DesiredState>();
  /** From before the facts last changed: most changes (another Node, say) make no difference to most. */
  #before = new Map<string, DesiredState>();

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
    this.#before = this.#composed;
    this.#composed = new Map();
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
    if (known !== undefined) return known;
    if (this.#facts === undefined) throw new Error('asked for a desired state before the cluster was known');
    if (this.#composed.size >= maxRemembered) this.#composed.clear();
    const made = make(this.#facts);
    const before = this.#before.get(key);
    const desired = before !== undefined && isEqual(before, made) ? before : made;
    this.#composed.set(key, desired);
    return desired;
  }
}

function keyOf(baselines: readonly SecurityBaseline[], exceptions: readonly BaselineException[]): string {
  const parts = baselines.map(({ metadata }) => `${metadata.uid}@${metadata.generation}`);
  return [...parts, ...exceptions.map(({ metadata }) => metadata.uid)].join(' ');
}
