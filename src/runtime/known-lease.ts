import type { Clock } from './clock.ts';
import type { LeaseLock, LeaseRecord, StoredLease } from './lease-lock.ts';

/** The lease as one candidate knows it: as it was last seen, and since when. */
export class KnownLease {
  readonly #lock: LeaseLock;
  readonly #clock: Clock;
  readonly #onHolderChanged: (identity: string) => void;
  #seen: { readonly lease: StoredLease; readonly sinceMs: number } | undefined;
  #written: 'no' | 'in doubt' | 'yes' = 'no';

  constructor(lock: LeaseLock, clock: Clock, onHolderChanged: (identity: string) => void) {
    this.#lock = lock;
    this.#clock = clock;
    this.#onHolderChanged = onHolderChanged;
  }

  /** Empty where nobody holds it, or it was never seen. */
  get holder(): string {
    return this.#seen?.lease.holderIdentity ?? '';
  }

  /** Whether the last write came to no answer: it may have been done nevertheless, or be done yet. */
  get isWriteInDoubt(): boolean {
    return this.#written === 'in doubt';
  }

  /** Until the lease of whoever holds it may be taken; by the monotonic clock alone, so that a clock step gives nobody's away. */
  get remainingMs(): number {
    if (this.#seen === undefined) return 0;
    const { lease, sinceMs } = this.#seen;
    return sinceMs + lease.leaseDurationSeconds * 1_000 - this.#clock.monotonic();
  }

  /** The lease as it stands; undefined where there is none. After a write that succeeded it need not be read again. */
  async current(signal: AbortSignal): Promise<StoredLease | undefined> {
    if (this.#written === 'yes') return this.#seen?.lease;
    const lease = await this.#lock.read(signal);
    this.#written = 'no';
    if (lease !== undefined) this.#see(lease);
    return lease;
  }

  /** @param over the lease that is written over; undefined to create it */
  async write(record: LeaseRecord, over: StoredLease | undefined, signal: AbortSignal): Promise<void> {
    this.#written = 'in doubt';
    this.#see(
      over === undefined
        ? await this.#lock.create(record, signal)
        : await this.#lock.update({ ...record, resourceVersion: over.resourceVersion }, signal),
    );
    this.#written = 'yes';
  }

  #see(lease: StoredLease): void {
    const before = this.#seen?.lease;
    if (before?.resourceVersion === lease.resourceVersion) return;
    this.#seen = { lease, sinceMs: this.#clock.monotonic() };
    if (before?.holderIdentity !== lease.holderIdentity) this.#onHolderChanged(lease.holderIdentity);
  }
}
