import { beforeEach, describe, expect, it } from 'vitest';
import { errorFromResponse } from '../../../src/kube/api-error.ts';
import { type EventInput, EventRecorder, type KubeEvent } from '../../../src/kube/event-recorder.ts';
import { FakeClock } from '../runtime/fake-clock.ts';
import { status } from './dummy-api-server.ts';

const drift: EventInput = {
  regarding: { apiVersion: 'v1', kind: 'Namespace', name: 'team-a', namespace: 'team-a' },
  type: 'Warning',
  reason: 'DriftRepaired',
  action: 'Reconcile',
  note: 'put back NetworkPolicy tenant.default-deny',
};

const apiError = (code: number, reason: string, details = {}) =>
  errorFromResponse(
    { verb: 'create', resource: 'events' },
    code,
    JSON.stringify(status(code, reason, details)),
    undefined,
    0,
  );

/** Stands in for the API server's events; writes wait while it is held. */
class FakeEvents {
  readonly created: KubeEvent[] = [];
  readonly patched: { name: string; patch: object }[] = [];
  createFailure: Error | undefined;
  patchFailure: Error | undefined;

  async create(event: KubeEvent): Promise<KubeEvent> {
    if (this.createFailure) throw this.createFailure;
    this.created.push(event);
    return event;
  }

  async mergePatch(name: string, _namespace: string | undefined, patch: object): Promise<KubeEvent> {
    if (this.patchFailure) throw this.patchFailure;
    this.patched.push({ name, patch });
    return this.created[0] as KubeEvent;
  }
}

let clock: FakeClock;
let events: FakeEvents;
let failures: unknown[];
let dropped: string[];
let recorder: EventRecorder;

beforeEach(() => {
  clock = new FakeClock();
  events = new FakeEvents();
  failures = [];
  dropped = [];
  recorder = new EventRecorder({
    events,
    clock,
    reportingController: 'securitybaseline.io/operator',
    reportingInstance: 'pod-1',
    onFailure: (error) => failures.push(error),
    onDropped: (reason) => dropped.push(reason),
  });
});

async function recordAndSend(...inputs: readonly EventInput[]): Promise<void> {
  for (const input of inputs) recorder.record(input);
  await recorder.flush();
}

describe('EventRecorder', () => {
  it('writes an event into the namespace that it is about', async () => {
    await recordAndSend(drift);
    expect(events.created[0]).toMatchObject({
      metadata: { namespace: 'team-a', name: expect.stringMatching(/^team-a\.[0-9a-f]+$/) },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'securitybaseline.io/operator',
      reportingInstance: 'pod-1',
      reason: 'DriftRepaired',
      note: drift.note,
    });
  });

  it('writes events about cluster-scoped objects into default', async () => {
    await recordAndSend({
      ...drift,
      regarding: { apiVersion: 'v1', kind: 'SecurityBaseline', name: 'tenant' },
    });
    expect(events.created[0]?.metadata.namespace).toBe('default');
  });

  it('cuts a long note to 1,024 bytes, between characters', async () => {
    await recordAndSend({ ...drift, note: 'é'.repeat(2000) });
    const note = events.created[0]?.note ?? '';
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
    expect(note).toMatch(/^é+…$/u);
  });

  it('counts a repetition into the same event, once a minute at most', async () => {
    await recordAndSend(drift, drift, drift);
    expect(events.created).toHaveLength(1);
    expect(events.patched).toEqual([]);
    await clock.advance(60_000);
    await recordAndSend(drift, drift);
    expect(events.patched).toEqual([
      {
        name: events.created[0]?.metadata.name,
        patch: { series: { count: 4, lastObservedTime: '2026-01-01T00:01:00.000000Z' } },
      },
    ]);
  });

  it('begins a new event for another note, and after a long silence', async () => {
    await recordAndSend(drift, { ...drift, note: 'another' });
    await clock.advance(10 * 60_000);
    await recordAndSend(drift);
    expect(events.created).toHaveLength(3);
  });

  it('writes a series anew where its event has expired', async () => {
    await recordAndSend(drift);
    events.patchFailure = apiError(404, 'NotFound');
    await clock.advance(60_000);
    await recordAndSend(drift);
    expect(events.created[1]?.series?.count).toBe(2);
  });

  it('gives each namespace 25 events at once, then one every five minutes', async () => {
    const noisy = Array.from({ length: 30 }, (_, index) => ({ ...drift, note: `${index}` }));
    const other = { ...drift, regarding: { ...drift.regarding, name: 'team-b', namespace: 'team-b' } };
    await recordAndSend(...noisy, other);
    expect(events.created).toHaveLength(26);
    expect(dropped).toEqual(Array(5).fill('rate-limit'));
    await clock.advance(5 * 60_000);
    await recordAndSend({ ...drift, note: 'later' }, { ...drift, note: 'too many' });
    expect(events.created).toHaveLength(27);
  });

  it('never throws, and tells of the first of many failures', async () => {
    events.createFailure = apiError(403, 'Forbidden', { name: 'x' });
    await recordAndSend(drift, { ...drift, note: 'second' });
    expect(failures).toEqual([events.createFailure]);
    expect(dropped).toEqual(['failed', 'failed']);
    events.createFailure = undefined;
    await recordAndSend({ ...drift, note: 'third' });
    events.createFailure = apiError(500, 'InternalError');
    await recordAndSend({ ...drift, note: 'fourth' });
    expect(failures).toHaveLength(2);
  });

  it('does not take a namespace that is going away for a failure', async () => {
    events.createFailure = apiError(403, 'Forbidden', { causes: [{ reason: 'NamespaceTerminating' }] });
    await recordAndSend(drift);
    expect(failures).toEqual([]);
  });

  it('drops the newest where too many wait', async () => {
    const inputs = Array.from({ length: 1100 }, (_, index) => ({
      ...drift,
      regarding: { ...drift.regarding, namespace: `team-${index}` },
    }));
    await recordAndSend(...inputs);
    // The first is already on its way when the others come.
    expect(events.created).toHaveLength(1001);
    expect(events.created.at(-1)?.metadata.namespace).toBe('team-1000');
    expect(dropped).toEqual(Array(99).fill('queue-full'));
  });
});
