import type { Clock } from '../runtime/clock.ts';

/** New events that a namespace may have at once. */
const burst = 25;
/** Then one more each so often. Milliseconds. */
const refillIntervalMs = 5 * 60_000;
/** Namespaces remembered; the one that was quiet longest is forgotten first, and begins with a full bucket again. */
const maxNamespaces = 16_384;

interface Bucket {
  tokens: number;
  filledAt: number;
}

/**
 * A token bucket per namespace, with the figures of client-go's spam filter, so that one noisy tenant cannot fill etcd.
 * Source: https://github.com/kubernetes/kubernetes/blob/v1.36.3/staging/src/k8s.io/client-go/tools/record/events_cache.go
 */
export class EventSpamFilter {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a token where there is one. */
  allow(namespace: string): boolean {
    const now = this.#clock.monotonic();
    const bucket = this.#take(namespace) ?? { tokens: burst, filledAt: now };
    const tokens = Math.min(burst, bucket.tokens + (now - bucket.filledAt) / refillIntervalMs);
    const isAllowed = tokens >= 1;
    this.#buckets.set(namespace, { tokens: isAllowed ? tokens - 1 : tokens, filledAt: now });
    this.#forgetOldest();
    return isAllowed;
  }

  /** Out of the Map, so that putting it back makes it the most recently used. */
  #take(namespace: string): Bucket | undefined {
    const bucket = this.#buckets.get(namespace);
    this.#buckets.delete(namespace);
    return bucket;
  }

  #forgetOldest(): void {
    if (this.#buckets.size <= maxNamespaces) return;
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest);
      return;
    }
  }
}
