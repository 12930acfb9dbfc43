import type { ObjectWithMeta } from '../../../src/runtime/list-watch.ts';
import { identityOf, Store, type StoreRecord } from '../../../src/runtime/store.ts';

/** An object as the API server would give it, with one field that matters and one that does not. */
export interface Thing extends ObjectWithMeta {
  readonly spec: string;
  readonly status?: string;
}

export interface ThingRecord extends StoreRecord {
  readonly spec: string;
}

export interface ThingOptions {
  readonly spec?: string;
  readonly status?: string;
  readonly uid?: string;
}

/** `path` is namespace/name, or a name alone for a cluster-scoped thing. */
export function thing(path: string, version: number | string, options: ThingOptions = {}): Thing {
  const [name = '', namespace] = path.split('/').reverse();
  const { spec = 'spec', status, uid = `uid-of-${path}` } = options;
  return {
    metadata: { name, ...(namespace && { namespace }), uid, resourceVersion: String(version) },
    spec,
    ...(status && { status }),
  };
}

/** A store of things; those whose spec is "boring" are not of interest. */
export function thingStore(): Store<ThingRecord, Thing> {
  return new Store({
    project: (object, intern) =>
      object.spec === 'boring' ? undefined : { ...identityOf(object, intern), spec: object.spec },
    same: (previous, current) => previous.spec === current.spec,
  });
}

/** The store's content, sorted: `namespace/name=spec`. */
export function contentOf(store: Store<ThingRecord, Thing>): string[] {
  return Array.from(store, (record) => `${record.namespace}/${record.name}=${record.spec}`).sort();
}

/** Notes what a store tells, as `added tenant/a`. */
export function changesOf(store: Store<ThingRecord, Thing>): string[] {
  const told: string[] = [];
  store.onChange(({ type, previous, current }) => {
    const record = current ?? previous;
    told.push(`${type} ${record.namespace}/${record.name}`);
  });
  return told;
}
