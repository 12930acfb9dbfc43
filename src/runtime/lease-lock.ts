/**
 * The seam between the elector and whatever stores the lease (src/kube: coordination.k8s.io/v1 in this project).
 * Source: https://kubernetes.io/docs/concepts/architecture/leases/
 */

/** The lease, as everybody sees it. */
export interface LeaseRecord {
  /** Empty when the holder has released it. */
  readonly holderIdentity: string;
  /** For how long others leave it alone after they have seen it renewed. Seconds, whole. */
  readonly leaseDurationSeconds: number;
  /** Milliseconds since the epoch, by the holder's wall clock. For people; decisions never read them. */
  readonly acquireTimeMs: number;
  readonly renewTimeMs: number;
  /** How often the lease has changed hands. */
  readonly leaseTransitions: number;
}

/** A {@link LeaseRecord} as it was read. */
export interface StoredLease extends LeaseRecord {
  readonly resourceVersion: string;
}

/** Each call settles as soon as its signal is aborted. */
export interface LeaseLock {
  /** Names the lease in logs: `namespace/name`. */
  readonly name: string;
  /** Undefined where there is none. */
  read(signal: AbortSignal): Promise<StoredLease | undefined>;
  /** Rejects where there is one already. */
  create(record: LeaseRecord, signal: AbortSignal): Promise<StoredLease>;
  /** Rejects where the lease is no longer at this resource version. Nothing else makes two leaders impossible. */
  update(record: StoredLease, signal: AbortSignal): Promise<StoredLease>;
}
