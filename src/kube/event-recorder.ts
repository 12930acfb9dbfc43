import { randomBytes } from 'node:crypto';
import type { Clock } from '../runtime/clock.ts';
import { isApiError } from './api-error.ts';
import { EventSpamFilter } from './event-spam-filter.ts';
import { microTime } from './micro-time.ts';
import type { KubeObject, ResourceClient, ResourceDefinition } from './resource-client.ts';

/** Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ */
export const eventsResource: ResourceDefinition = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  namespaced: true,
};

/** The object an event is about. For a Namespace give its own name as `namespace`, so that the event lives inside it. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
}

export interface EventInput {
  readonly regarding: ObjectReference;
  readonly related?: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  /** Why, in CamelCase, for machines: `DriftRepaired`. At most 128 characters. */
  readonly reason: string;
  /** What was done, in CamelCase: `Reconcile`. At most 128 characters. */
  readonly action: string;
  /** For people. Cut to 1,024 bytes. */
  readonly note: string;
}

/** An Event as it is written. */
export interface KubeEvent extends KubeObject {
  readonly apiVersion: 'events.k8s.io/v1';
  readonly kind: 'Event';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly eventTime: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly regarding: ObjectReference;
  readonly related?: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

/** Why an event was not written. */
export type DropReason = 'queue-full' | 'rate-limit' | 'failed';

export interface EventRecorderOptions {
  readonly events: Pick<ResourceClient<KubeEvent>, 'create' | 'mergePatch'>;
  readonly clock: Clock;
  /** Qualified name, for example `securitybaseline.io/operator`. */
  readonly reportingController: string;
  /** This replica, usually the pod's name. */
  readonly reportingInstance: string;
  /** Told of the first failure of a run of failures, not of each. */
  readonly onFailure?: (error: unknown) => void;
  readonly onDropped?: (reason: DropReason) => void;
}

const maxNoteBytes = 1024;
/** Events that wait to be sent. A full queue drops the new ones: the oldest tell how it began. */
const maxQueued = 1000;
/** Events remembered for recognising repetitions; the least recently seen is forgotten first. */
const maxRemembered = 4096;
/** A repetition counts into the same event for as long as it comes back within this time. */
const seriesWindowMs = 10 * 60_000;
/** A series is written at most this often. */
const seriesIntervalMs = 60_000;

interface Series {
  readonly event: KubeEvent;
  count: number;
  seenAt: number;
  writtenAt: number;
}

/**
 * Writes Kubernetes Events on the side: `record` never waits, never throws and fails no reconcile. One request at a time,
 * behind everything else. A repetition becomes a series update, once a minute at most; the count between two updates
 * rides on the next one. A namespace that is noisy loses events, and they are counted.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new Map<string, Series>();
  readonly #queue: (() => Promise<unknown>)[] = [];
  readonly #filter: EventSpamFilter;
  #sending: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#filter = new EventSpamFilter(options.clock);
  }

  record(input: EventInput): void {
    const now = this.#options.clock.monotonic();
    const note = cutToBytes(input.note, maxNoteBytes);
    const key = keyOf(input, note);
    const known = this.#series.get(key);
    if (known !== undefined && now - known.seenAt < seriesWindowMs) this.#repeat(key, known, now);
    else this.#begin(key, input, note, now);
  }

  /** Resolves when all that was recorded has been sent or given up. */
  async flush(): Promise<void> {
    await this.#sending;
  }

  #begin(key: string, input: EventInput, note: string, now: number): void {
    const event = this.#eventOf(input, note);
    if (!this.#filter.allow(event.metadata.namespace)) {
      this.#drop('rate-limit');
      return;
    }
    const series: Series = { event, count: 1, seenAt: now, writtenAt: now };
    if (this.#enqueue(() => this.#options.events.create(event))) this.#remember(key, series);
  }

  #repeat(key: string, series: Series, now: number): void {
    series.count += 1;
    series.seenAt = now;
    this.#remember(key, series);
    if (now - series.writtenAt < seriesIntervalMs) return;
    if (this.#enqueue(() => this.#writeSeries(series))) series.writtenAt = now;
  }

  async #writeSeries({ event, count }: Series): Promise<void> {
    const { events, clock } = this.#options;
    const series = { count, lastObservedTime: microTime(clock.now()) };
    const { name, namespace } = event.metadata;
    try {
      await events.mergePatch(name, namespace, { series });
    } catch (error) {
      // Events live for an hour by default; a series may outlive its event.
      if (!isApiError(error, 'notFound')) throw error;
      await events.create({ ...event, series });
    }
  }

  /** A Map keeps insertion order: taken out and put back, the first entry is the one seen longest ago. */
  #remember(key: string, series: Series): void {
    this.#series.delete(key);
    this.#series.set(key, series);
    if (this.#series.size <= maxRemembered) return;
    for (const oldest of this.#series.keys()) {
      this.#series.delete(oldest);
      return;
    }
  }

  #enqueue(send: () => Promise<unknown>): boolean {
    if (this.#queue.length >= maxQueued) {
      this.#drop('queue-full');
      return false;
    }
    this.#queue.push(send);
    this.#sending ??= this.#sendAll();
    return true;
  }

  async #sendAll(): Promise<void> {
    for (let send = this.#queue.shift(); send !== undefined; send = this.#queue.shift()) {
      try {
        await send();
        this.#isFailing = false;
      } catch (error) {
        // A namespace on its way out takes no events; that is no failure of ours.
        this.#drop('failed');
        if (!this.#isFailing && !(isApiError(error) && error.isNamespaceTerminating)) {
          this.#isFailing = true;
          this.#options.onFailure?.(error);
        }
      }
    }
    this.#sending = undefined;
  }

  #drop(reason: DropReason): void {
    this.#options.onDropped?.(reason);
  }

  #eventOf(input: EventInput, note: string): KubeEvent {
    const { reportingController, reportingInstance, clock } = this.#options;
    const { regarding, related, type, reason, action } = input;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: {
        // The random part keeps two replicas, or two events of one millisecond, apart.
        name: `${regarding.name.slice(0, 220)}.${clock.now().toString(16)}${randomBytes(4).toString('hex')}`,
        // The API server takes events about cluster-scoped objects in `default` only.
        namespace: regarding.namespace ?? 'default',
      },
      eventTime: microTime(clock.now()),
      reportingController,
      reportingInstance: reportingInstance.slice(0, 128),
      regarding,
      ...(related && { related }),
      type,
      reason,
      action,
      note,
    };
  }
}

function keyOf({ regarding, related, type, reason, action }: EventInput, note: string): string {
  return JSON.stringify([
    regarding.kind,
    regarding.namespace,
    regarding.name,
    regarding.uid,
    related?.kind,
    related?.namespace,
    related?.name,
    type,
    reason,
    action,
    note,
  ]);
}

/** Never in the middle of a character; an ellipsis says that something is missing. */
function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes - Buffer.byteLength('…');
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString('utf8', 0, end)}…`;
}
