/**
 * What is known of one resource's objects: a record of each, projected to what decisions need. One writer (a
 * Watcher) and many readers, which see every change at once, and a relist as a whole.
 *
 * Staleness. A watch delivers the changes of a resource in the order of their versions, so the store remembers the version
 * it has {@link Store.reached}: whatever is not newer is known already, and ignored. That makes repeated events
 * harmless, also of an object deleted since, and lets a response to one's own write come before its echo or long after it.
 * A relist alone may lead back to older versions: after etcd is restored from a backup it is right and we are wrong.
 */
import type { ObjectWithMeta } from './list-watch.ts';
import { RecordIndex, type StoreRecord } from './record-index.ts';
import { isNewer } from './resource-version.ts';
import { type Intern, StringPool } from './string-pool.ts';

export type { StoreRecord } from './record-index.ts';
export type { Intern } from './string-pool.ts';

/** A difference that matters, by the store's `same`. */
export type StoreChange<R> =
  | { readonly type: 'added'; readonly previous?: never; readonly current: R }
  | { readonly type: 'changed'; readonly previous: R; readonly current: R }
  | { readonly type: 'deleted'; readonly previous: R; readonly current?: never };

export interface StoreOptions<R extends StoreRecord, T extends ObjectWithMeta> {
  /**
   * The record of an object, or undefined where the object is not of interest. Must be total: the runtime cannot know whether an object
   * that throws here may be left out, so a throw stops the watch until it no longer happens.
   * Strings that recur should go through `intern`; text cut out of longer text must.
   */
  readonly project: (object: T, intern: Intern) => R | undefined;
  /** Whether two records of one object are equal in what decisions depend on. The resource version is not part of that. */
  readonly same: (previous: R, current: R) => boolean;
  /** Namespaces and names recur in every store, so stores do well to share one pool. Default: one of its own. */
  readonly strings?: StringPool;
}

/** What readers see. */
export interface StoreReader<R extends StoreRecord> {
  /** Records held. */
  readonly size: number;
  /** The record of an object; `namespace` is empty for cluster-scoped ones. */
  get(namespace: string, name: string): R | undefined;
  /** The records of one namespace, in no particular order. Cheap; to be read before the next `await`. */
  inNamespace(namespace: string): Iterable<R>;
  /** The namespaces that hold a record. To be read before the next `await`. */
  namespaces(): Iterable<string>;
  /** All records. To be read before the next `await`. */
  [Symbol.iterator](): Iterator<R>;
  /**
   * Calls `listener` for each difference that matters, after it can be read from the store. An echo of one's own write, or a
   * change that `same` does not see, is none. A listener that throws ends the process: had it swallowed the
   * change, work would be lost without a trace. Returns the function that ends it.
   */
  onChange(listener: (change: StoreChange<R>) => void): () => void;
}

/** The identity of an object, for use in `project`. */
export function identityOf(object: ObjectWithMeta, intern: Intern): StoreRecord {
  const { namespace = '', name, uid, resourceVersion } = object.metadata;
  return { namespace: intern(namespace), name: intern(name), uid, resourceVersion };
}

export class Store<R extends StoreRecord, T extends ObjectWithMeta = ObjectWithMeta>
  implements StoreReader<R>
{
  readonly #project: StoreOptions<R, T>['project'];
  readonly #same: StoreOptions<R, T>['same'];
  readonly #intern: Intern;
  readonly #listeners = new Set<(change: StoreChange<R>) => void>();
  #records = new RecordIndex<R>();
  #reached = '';
  /** Own writes since the current relist began; undefined while there is none. */
  #writtenDuringRelist: RecordIndex<R> | undefined;

  constructor({ project, same, strings = new StringPool() }: StoreOptions<R, T>) {
    this.#project = project;
    this.#same = same;
    this.#intern = strings.intern;
  }

  get size(): number {
    return this.#records.size;
  }

  /** The version up to which every change is known; empty before the first list. */
  get reached(): string {
    return this.#reached;
  }

  get(namespace: string, name: string): R | undefined {
    return this.#records.get(namespace, name);
  }

  inNamespace(namespace: string): Iterable<R> {
    return this.#records.inNamespace(namespace);
  }

  namespaces(): Iterable<string> {
    return this.#records.namespaces();
  }

  [Symbol.iterator](): Iterator<R> {
    return this.#records[Symbol.iterator]();
  }

  onChange(listener: (change: StoreChange<R>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A watch event, by the watcher. Ignored where the store has reached its version already. */
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void {
    const { namespace = '', name, resourceVersion } = object.metadata;
    if (!isNewer(resourceVersion, this.#reached)) return;
    const previous = this.#records.get(namespace, name);
    if (previous !== undefined && !isNewer(resourceVersion, previous.resourceVersion)) {
      // The echo of a write of our own, which is half of all events in a burst: projecting it would be for nothing.
      this.#reached = resourceVersion;
      return;
    }
    const current = type === 'DELETED' ? undefined : this.#project(object, this.#intern);
    this.#reached = resourceVersion;
    put(this.#records, namespace, name, current);
    this.#tell(this.#difference(previous, current));
  }

  /** Every change up to this version is known, by the watcher (a bookmark). */
  advance(resourceVersion: string): void {
    if (isNewer(resourceVersion, this.#reached)) this.#reached = resourceVersion;
  }

  /**
   * Writes through the response to one's own write of a whole object, so that a reader sees it at once and its echo in the
   * watch is no news. Listeners are not told, since the writer knows; see {@link observeShared} for when it may not.
   * @returns the difference it made; undefined where it made none, or where the watch already knows more.
   */
  observe(object: T): StoreChange<R> | undefined {
    const { namespace = '', name, resourceVersion } = object.metadata;
    // Without this a response read after the watch told of the object's deletion would bring it back for ever.
    if (!isNewer(resourceVersion, this.#reached)) return undefined;
    const previous = this.#records.get(namespace, name);
    if (previous !== undefined && !isNewer(resourceVersion, previous.resourceVersion)) return undefined;
    const current = this.#project(object, this.#intern);
    put(this.#records, namespace, name, current);
    if (current !== undefined) this.#writtenDuringRelist?.set(current);
    return this.#difference(previous, current);
  }

  /**
   * As {@link observe}, for a write of a part of an object that others write too (a status, a few labels). The response also
   * shows what they have changed, whose event will be no news any more; so listeners are told of any difference.
   */
  observeShared(object: T): void {
    this.#tell(this.observe(object));
  }

  /** Begins to replace everything. Readers see nothing of it before it is committed; the latest begun one counts. */
  beginRelist(): Relist<T> {
    const listed = new RecordIndex<R>();
    const written = new RecordIndex<R>();
    this.#writtenDuringRelist = written;
    return {
      add: (object) => {
        const { namespace = '', name } = object.metadata;
        put(listed, namespace, name, this.#project(object, this.#intern));
      },
      remove: ({ metadata: { namespace = '', name } }) => listed.delete(namespace, name),
      commit: (resourceVersion) => this.#commit(listed, written, resourceVersion),
    };
  }

  /** Replaces everything at once by the objects of a complete list taken at `resourceVersion`. */
  swap(objects: Iterable<T>, resourceVersion: string): void {
    const relist = this.beginRelist();
    for (const object of objects) relist.add(object);
    relist.commit(resourceVersion);
  }

  #commit(listed: RecordIndex<R>, written: RecordIndex<R>, resourceVersion: string): void {
    // A list is a consistent read: it contains what was written before it began. So only what we wrote since may rightly be
    // newer. Anything else that is newer comes from a history that the server no longer has.
    for (const record of written) {
      const listedVersion = listed.get(record.namespace, record.name)?.resourceVersion;
      if (isNewer(record.resourceVersion, listedVersion ?? resourceVersion)) listed.set(record);
    }
    const before = this.#records;
    this.#records = listed;
    this.#reached = resourceVersion;
    this.#writtenDuringRelist = undefined;
    if (this.#listeners.size === 0) return;
    for (const record of listed)
      this.#tell(this.#difference(before.get(record.namespace, record.name), record));
    for (const record of before) {
      if (listed.get(record.namespace, record.name) === undefined)
        this.#tell({ type: 'deleted', previous: record });
    }
  }

  #difference(previous: R | undefined, current: R | undefined): StoreChange<R> | undefined {
    if (previous === undefined) return current && { type: 'added', current };
    if (current === undefined) return { type: 'deleted', previous };
    return this.#same(previous, current) ? undefined : { type: 'changed', previous, current };
  }

  #tell(change: StoreChange<R> | undefined): void {
    if (change === undefined) return;
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

function put<R extends StoreRecord>(
  records: RecordIndex<R>,
  namespace: string,
  name: string,
  record: R | undefined,
): void {
  if (record === undefined) records.delete(namespace, name);
  else records.set(record);
}

/** A relist in the making. */
export interface Relist<T> {
  /** An object of the list; again, where it changed before the list was complete. */
  add(object: T): void;
  /** An object that was deleted before the list was complete. */
  remove(object: T): void;
  /** The list is complete and shows the state at this version: replaces everything, and tells each difference. */
  commit(resourceVersion: string): void;
}
