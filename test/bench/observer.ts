/**
 * A process that watches and takes the time at which objects are seen. It reads metadata only, so that it takes
 * little from the cores that it shares with what is measured. Arguments: a kubeconfig.
 */
import { Connection } from './connection.ts';
import { expected, foreignServiceAccount, objectsPerNamespace } from './objects.ts';
import { serve, sharedNowMs } from './remote.ts';

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: {
    readonly metadata: {
      readonly name: string;
      readonly namespace: string;
      readonly uid: string;
      readonly resourceVersion: string;
      readonly generation?: number;
      readonly annotations?: Readonly<Record<string, string>>;
    };
  };
}

interface Seen {
  readonly uid: string;
  readonly generation: number;
  readonly at: number;
}

interface Waiter {
  /** @returns undefined while it has not come */
  readonly test: () => unknown;
  readonly resolve: (value: never) => void;
}

const metadataOnly = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const watchSeconds = 24 * 60 * 60;

const [kubeconfig = ''] = process.argv.slice(2);
const connection = new Connection(kubeconfig, Object.keys(expected).length);
const objects = new Map<string, Seen>();
/** How many of each resource are missing in a namespace, in the sum. */
const missing = new Map<string, number>();
const present = new Map<string, number>();
const readyAt = new Map<string, number>();
const modified: Record<string, number> = {};
const waiters = new Set<Waiter>();

function apply(resource: string, { type, object }: WatchEvent, at: number): void {
  const { name, namespace, uid, generation = 0 } = object.metadata;
  if (resource === 'serviceaccounts' && name === foreignServiceAccount) return;
  const key = keyOf(resource, namespace, name);
  if (type === 'DELETED') {
    objects.delete(key);
    count(resource, namespace, -1, at);
    return;
  }
  const known = objects.get(key);
  objects.set(key, { uid, generation, at });
  if (known === undefined) count(resource, namespace, 1, at);
  else modified[resource] = (modified[resource] ?? 0) + 1;
}

function count(resource: string, namespace: string, change: number, at: number): void {
  const key = `${resource} ${namespace}`;
  const wanted = expected[resource]?.count ?? 0;
  const before = present.get(key) ?? 0;
  present.set(key, before + change);
  const gained = Math.min(wanted, before + change) - Math.min(wanted, before);
  const left = (missing.get(namespace) ?? objectsPerNamespace) - gained;
  missing.set(namespace, left);
  if (left > 0) readyAt.delete(namespace);
  else if (!readyAt.has(namespace)) readyAt.set(namespace, at);
}

function keyOf(resource: string, namespace: string, name: string): string {
  return `${resource}/${namespace}/${name}`;
}

/**
 * Resolves once the initial state has been read, and goes on for ever: the API server ends a watch whose reader, on a busy
 * machine, is too slow. Any other failure ends the process, since nothing measured then would count.
 */
async function watch(resource: string, root: string): Promise<void> {
  const synced = Promise.withResolvers<void>();
  let reached = '';
  const read = async (): Promise<void> => {
    const query = new URLSearchParams({
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(watchSeconds),
      ...(reached === ''
        ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
        : { resourceVersion: reached }),
    });
    const stream = await connection.open(`${root}/${resource}?${query}`, metadataOnly);
    let rest = '';
    for await (const chunk of stream) {
      const at = sharedNowMs();
      const lines = (rest + chunk.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const event = JSON.parse(line) as WatchEvent;
        if (event.type === 'ERROR') throw new Error(line);
        reached = event.object.metadata.resourceVersion;
        if (event.type !== 'BOOKMARK') apply(resource, event, at);
        else if (event.object.metadata.annotations?.['k8s.io/initial-events-end']) synced.resolve();
      }
      wake();
    }
  };
  const readOn = async (): Promise<never> => {
    for (;;) await read();
  };
  readOn().catch((error: unknown) => {
    console.error(`observer of ${resource}:`, error);
    process.exit(1);
  });
  await synced.promise;
}

function wake(): void {
  for (const waiter of waiters) {
    const value = waiter.test();
    if (value === undefined) continue;
    waiters.delete(waiter);
    waiter.resolve(value as never);
  }
}

function until<T>(what: string, timeoutMs: number, test: () => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      waiters.delete(waiter);
      reject(new Error(`not within ${timeoutMs} ms: ${what}`));
    }, timeoutMs);
    const waiter: Waiter = {
      test,
      resolve: (value) => {
        clearTimeout(timer);
        resolve(value);
      },
    };
    waiters.add(waiter);
    wake();
  });
}

const methods = {
  /** Begins to watch. */
  async start(): Promise<void> {
    await Promise.all(Object.entries(expected).map(([resource, { path }]) => watch(resource, path)));
  },

  /** Resolves when all seven objects of every namespace have been seen, with the time at which each was complete. */
  ready(namespaces: readonly string[], timeoutMs: number): Promise<readonly number[]> {
    let checked = 0;
    return until(`${namespaces.length} namespaces have their objects`, timeoutMs, () => {
      while (checked < namespaces.length && readyAt.has(namespaces[checked] ?? '')) checked += 1;
      return checked < namespaces.length ? undefined : namespaces.map((name) => readyAt.get(name) ?? 0);
    });
  },

  /** When an object that is there was last seen to change; undefined where it is not there. */
  seenAt(resource: string, namespace: string, name: string): number | undefined {
    return objects.get(keyOf(resource, namespace, name))?.at;
  },

  /** Resolves when another object stands under the name of one that was deleted, with the time. */
  recreated(resource: string, namespace: string, name: string, uid: string): Promise<number> {
    const key = keyOf(resource, namespace, name);
    return until(`${key} is there again`, 60_000, () => {
      const seen = objects.get(key);
      return seen === undefined || seen.uid === uid ? undefined : seen.at;
    });
  },

  /** Resolves when the object has reached a generation, with the time. */
  written(resource: string, namespace: string, name: string, generation: number): Promise<number> {
    const key = keyOf(resource, namespace, name);
    return until(`${key} is written`, 60_000, () => {
      const seen = objects.get(key);
      return seen === undefined || seen.generation < generation ? undefined : seen.at;
    });
  },

  /** Resolves when so many objects of a resource have been modified since the start. */
  async modified(resource: string, times: number, timeoutMs: number): Promise<void> {
    await until(`${times} modifications of ${resource}`, timeoutMs, () =>
      (modified[resource] ?? 0) >= times ? true : undefined,
    );
  },

  /** Modifications seen since the start, by resource. */
  modifications(): Readonly<Record<string, number>> {
    return { ...modified };
  },

  /** Objects there now, of all watched resources but the controller manager's ServiceAccounts. */
  size(): number {
    return objects.size;
  },
};

/** What the process offers. */
export type Observer = typeof methods;

serve(methods);
