import { beforeEach, describe, expect, test } from 'vitest';
import { ClusterView } from '../../../src/controller/cluster-view.ts';
import {
  createWatchedResources,
  type ServedObject,
  type WatchedResources,
} from '../../../src/controller/watched-resources.ts';
import { Fingerprinter } from '../../../src/diff/fingerprint.ts';

let resources: WatchedResources;
let view: ClusterView;
let version = 0;

beforeEach(() => {
  resources = createWatchedResources(new Fingerprinter(), {
    grantableRole: 'grantable',
    namespace: 'operator',
  });
  view = new ClusterView(resources, ['operator'], ['10.0.0.0/8']);
});

/** The API server's list of a watched resource now holds just these. */
function list(id: string, ...objects: readonly Record<string, unknown>[]): void {
  const resource = resources.all.find((candidate) => candidate.id === id);
  if (resource === undefined)
    throw new Error(`${id} is none of ${resources.all.map((each) => each.id).join(', ')}`);
  version += 1;
  const served = objects.map(
    (object, index): ServedObject => ({
      apiVersion: 'v1',
      kind: 'Any',
      metadata: { name: `object-${index}`, uid: `uid-${index}`, resourceVersion: String(version) },
      ...object,
    }),
  );
  resource.store.swap(served, String(version));
}

const slices = 'endpointslices.discovery.k8s.io.default';
const slice = (address: string) => ({ endpoints: [{ addresses: [address] }], ports: [{ port: 6443 }] });

describe("the API server's addresses", () => {
  test('are those of all its slices', () => {
    list(slices, slice('10.0.0.1'), slice('fd00::1'));
    expect(view.facts.apiServers.map(({ cidrs }) => cidrs)).toEqual([['10.0.0.1/32'], ['fd00::1/128']]);
  });

  test('follow the slices', () => {
    list(slices, slice('10.0.0.1'));
    list(slices, slice('10.0.0.2'));
    expect(view.facts.apiServers).toEqual([{ cidrs: ['10.0.0.2/32'], ports: [6443] }]);
  });

  test.each<[string, Record<string, unknown>[]]>([
    ['gone', []],
    ['empty', [{ endpoints: [], ports: [{ port: 6443 }] }]],
    [
      'not ready',
      [{ endpoints: [{ addresses: ['10.0.0.9'], conditions: { ready: false } }], ports: [{ port: 6443 }] }],
    ],
    ['without ports', [{ endpoints: [{ addresses: ['10.0.0.9'] }] }]],
  ])('are the last known while the slices are %s', (_name, objects) => {
    list(slices, slice('10.0.0.1'));
    const known = view.facts.apiServers;
    list(slices, ...objects);
    expect(view.facts.apiServers).toEqual(known);
  });

  test('are none before any were known', () => {
    expect(view.facts.apiServers).toEqual([]);
  });
});

test('Nodes and ServiceCIDRs tell addresses and ranges; others are given', () => {
  list('nodes', {
    spec: { podCIDRs: ['10.244.0.0/24'] },
    status: { addresses: [{ type: 'InternalIP', address: '192.168.0.1' }] },
  });
  list('servicecidrs.networking.k8s.io', { spec: { cidrs: ['10.96.0.0/16', 'fd01::/112'] } });
  expect(view.facts).toMatchObject({
    nodes: [{ addresses: ['192.168.0.1/32'], podRanges: ['10.244.0.0/24'] }],
    serviceRanges: ['10.96.0.0/16', 'fd01::/112'],
    givenRanges: ['10.0.0.0/8'],
  });
});

test('a heartbeat of a Node is no change', () => {
  const store = resources.all.find(({ id }) => id === 'nodes')?.store;
  const node = { status: { addresses: [{ type: 'InternalIP', address: '192.168.0.1' }] } };
  list('nodes', node);
  const told: string[] = [];
  store?.onChange(({ type }) => told.push(type));
  list('nodes', { status: { ...node.status, conditions: [{ type: 'Ready', status: 'True' }] } });
  expect(told).toEqual([]);
});

test('only what not every server has is optional: an unserved baseline or Node list must never read as empty', () => {
  expect(resources.all.filter(({ optional }) => optional === true).map(({ id }) => id)).toEqual([
    'servicecidrs.networking.k8s.io',
  ]);
});
