/** Desired states, composed once for all the namespaces that the same baselines select. */
import isEqual from 'lodash/isEqual.js';
import type { SecurityBaseline } from '../api/types.generated.ts';
import { type ClusterFacts, nothingKnown } from '../baseline/cluster-facts.ts';
import { compose, composeAsIfEnforced, selectingBaselines } from '../baseline/desired.ts';
import type { DesiredState } from '../baseline/desired-state.ts';
import type { NamespaceIdentity } from '../baseline/selection.ts';

/** More combinations of baselines than any cluster has; a bound all the same. */
const maxRemembered = 1024;

/**
 * Answers what is desired of a namespace. The same baselines in the same cluster give the same object, so that identity tells
 * whether anything changed.
 */
export class DesiredStates {
  #baselines: readonly SecurityBaseline[] = [];
  #facts: ClusterFacts = nothingKnown;
  #factsText = '';
  #composed = new Map<string, DesiredState>();
  /** From before the facts last changed: most changes (another Node, say) make no difference to most. */
  #before = new Map<string, DesiredState>();

  /** To be called when a baseline or a fact changed. */
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
    return this.#compose(selectingBaselines(this.#baselines, namespace));
  }

  /** What they would ask if those in Audit mode enforced, too. */
  asIfEnforced(namespace: NamespaceIdentity): DesiredState {
    const selecting = selectingBaselines(this.#baselines, namespace);
    return this.#remember(`audit ${keyOf(selecting)}`, () => composeAsIfEnforced(selecting, this.#facts));
  }

  /** What one baseline asks for by itself, wherever it selects. */
  ofBaseline(baseline: SecurityBaseline): DesiredState {
    return this.#compose([baseline]);
  }

  #compose(baselines: readonly SecurityBaseline[]): DesiredState {
    return this.#remember(keyOf(baselines), () => compose(baselines, this.#facts));
  }

  #remember(key: string, make: () => DesiredState): DesiredState {
    const known = this.#composed.get(key);
    if (known !== undefined) return known;
    if (this.#composed.size >= maxRemembered) this.#composed.clear();
    const made = make();
    const before = this.#before.get(key);
    const desired = before !== undefined && isEqual(before, made) ? before : made;
    this.#composed.set(key, desired);
    return desired;
  }
}

function keyOf(baselines: readonly SecurityBaseline[]): string {
  return baselines.map(({ metadata }) => `${metadata.uid}@${metadata.generation}`).join(' ');
}
