import type { LeaseLock, LeaseRecord, StoredLease } from '../../../src/runtime/lease-lock.ts';

/** How the server, or the way to it, behaves for one candidate. */
export type Link = 'up' | 'down' | 'hangs' | 'loses answers';

/** Holds one lease, and refuses a write against another version than its own, as the API server does. */
export class FakeLeaseServer {
  lease: StoredLease | undefined;
  /** Every write that was accepted, as `HOLDER transitions`. */
  readonly writes: string[] = [];
  #version = 0;

  /** Writes without asking, as `kubectl edit` might. */
  put(record: LeaseRecord): StoredLease {
    this.#version += 1;
    this.lease = { ...record, resourceVersion: String(this.#version) };
    this.writes.push(`${record.holderIdentity || 'nobody'} ${record.leaseTransitions}`);
    return this.lease;
  }

  connect(): FakeLeaseLock {
    return new FakeLeaseLock(this);
  }
}

/** One candidate's connection. */
export class FakeLeaseLock implements LeaseLock {
  readonly name = 'system/lease';
  readonly #server: FakeLeaseServer;
  link: Link = 'up';

  constructor(server: FakeLeaseServer) {
    this.#server = server;
  }

  read(signal: AbortSignal): Promise<StoredLease | undefined> {
    return this.#call(signal, () => this.#server.lease);
  }

  create(record: LeaseRecord, signal: AbortSignal): Promise<StoredLease> {
    return this.#call(signal, () => {
      if (this.#server.lease !== undefined) throw new Error('409 AlreadyExists');
      return this.#server.put(record);
    });
  }

  update(record: StoredLease, signal: AbortSignal): Promise<StoredLease> {
    return this.#call(signal, () => {
      if (this.#server.lease?.resourceVersion !== record.resourceVersion) throw new Error('409 Conflict');
      return this.#server.put(record);
    });
  }

  async #call<Answer>(signal: AbortSignal, answer: () => Answer): Promise<Answer> {
    if (this.link === 'down') throw new Error('ECONNREFUSED');
    const lost = this.link === 'loses answers';
    const result = this.link === 'hangs' ? undefined : answer();
    if (!lost && this.link !== 'hangs') return result as Answer;
    return new Promise((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  }
}
