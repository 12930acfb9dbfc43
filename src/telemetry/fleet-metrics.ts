import type { Gauge } from 'prom-client';
import type { MetricFactory } from './metric-factory.ts';

/** What can be said of a namespace: one state each, so that the gauge adds up to all namespaces. */
export type NamespaceState = 'hardened' | 'pending' | 'failing' | 'weakened' | 'uncovered';

/** The states of a namespace that should be hardened and is not. */
export type UnhardenedState = Exclude<NamespaceState, 'hardened' | 'uncovered'>;

/** The fleet, counted. */
export interface FleetState {
  readonly namespaces: Readonly<Record<NamespaceState, number>>;
  /** For how long the one that has waited longest has not been hardened, 0 where there is none. Seconds. */
  readonly oldestUnhardened: Readonly<Record<UnhardenedState, number>>;
  readonly baselines: {
    readonly ready: number;
    readonly notReady: number;
    /** Those that ask for decisions at admission which the API server does not make. */
    readonly withoutAdmission: number;
  };
  /** Changes that baselines in Audit mode would make, all together. */
  readonly auditChanges: number;
  readonly removalHolds: {
    readonly baselines: number;
    /** Namespaces that keep a baseline's protection because of them. */
    readonly namespaces: number;
  };
  /** Objects that somebody else keeps changing, now. */
  readonly rivalObjects: number;
  readonly exceptions: {
    readonly byState: ReadonlyMap<string, number>;
    /** Seconds until each exception in effect ends. */
    readonly secondsLeft: readonly number[];
    /** Those whose end has been announced by an Event. */
    readonly endingSoon: number;
  };
}

/** Within how long exceptions in effect are counted as ending, by the label's value. Seconds. */
const endingWithin = { '1h': 3600, '24h': 86_400, '7d': 604_800 } as const;

/**
 * Gauges of the whole fleet, which only the replica that leads knows: the others have no samples of them, so that what
 * a former leader knew last is never added to what the present one knows.
 */
export class FleetMetrics {
  readonly #namespaces: Gauge<'state'>;
  readonly #oldest: Gauge<'state'>;
  readonly #baselines: Gauge<'ready'>;
  readonly #exceptions: Gauge<'state'>;
  readonly #ending: Gauge<'within'>;
  readonly #counts: readonly (readonly [Gauge, (fleet: FleetState) => number])[];

  /** @param read when somebody scrapes; undefined where this replica does not lead */
  constructor(factory: MetricFactory, read: () => FleetState | undefined) {
    // Made first and so collected first, it fills all the others: the fleet is counted once a scrape.
    this.#namespaces = factory.gauge(
      'namespaces',
      'Namespaces by state, protected and terminating ones aside; uncovered ones are selected by no enforcing baseline.',
      ['state'],
      () => this.#fill(read()),
    );
    this.#oldest = factory.gauge(
      'unhardened_oldest_age_seconds',
      'For how long the namespace in this state that has waited longest has not been hardened, as far as this leader knows.',
      ['state'],
    );
    this.#baselines = factory.gauge('baselines', 'SecurityBaselines by whether they are Ready.', ['ready']);
    this.#exceptions = factory.gauge('exceptions', 'BaselineExceptions by state.', ['state']);
    this.#ending = factory.gauge(
      'exceptions_ending',
      'BaselineExceptions in effect that end within this time; each is counted in every longer one, too.',
      ['within'],
    );
    const count = (name: string, help: string, of: (fleet: FleetState) => number) =>
      [factory.gauge(name, help, []), of] as const;
    this.#counts = [
      count(
        'exceptions_ending_soon',
        'BaselineExceptions in effect whose end has been announced: a day before, or the last tenth of a shorter life.',
        ({ exceptions }) => exceptions.endingSoon,
      ),
      count(
        'baselines_without_admission',
        'SecurityBaselines that ask for decisions at admission which nobody makes, because the policies are missing.',
        ({ baselines }) => baselines.withoutAdmission,
      ),
      count(
        'audit_changes',
        'Changes that baselines in Audit mode would make if they enforced.',
        ({ auditChanges }) => auditChanges,
      ),
      count(
        'removal_holds',
        'Baselines whose removal from many namespaces is held until it is confirmed or undone.',
        ({ removalHolds }) => removalHolds.baselines,
      ),
      count(
        'removal_held_namespaces',
        "Namespaces that keep a baseline's protection only because its removal is held.",
        ({ removalHolds }) => removalHolds.namespaces,
      ),
      count(
        'rival_objects',
        'Objects that somebody else has changed again and again within the last minute while they were put back.',
        ({ rivalObjects }) => rivalObjects,
      ),
    ];
  }

  #fill(fleet: FleetState | undefined): void {
    for (const gauge of [this.#namespaces, this.#oldest, this.#baselines, this.#exceptions, this.#ending])
      gauge.reset();
    for (const [gauge, of] of this.#counts) {
      if (fleet === undefined) gauge.remove();
      else gauge.set(of(fleet));
    }
    if (fleet === undefined) return;
    for (const [state, count] of Object.entries(fleet.namespaces)) this.#namespaces.set({ state }, count);
    for (const [state, seconds] of Object.entries(fleet.oldestUnhardened))
      this.#oldest.set({ state }, seconds);
    this.#baselines.set({ ready: 'true' }, fleet.baselines.ready);
    this.#baselines.set({ ready: 'false' }, fleet.baselines.notReady);
    for (const [state, count] of fleet.exceptions.byState) this.#exceptions.set({ state }, count);
    for (const [within, seconds] of Object.entries(endingWithin)) {
      this.#ending.set({ within }, fleet.exceptions.secondsLeft.filter((left) => left <= seconds).length);
    }
  }
}
