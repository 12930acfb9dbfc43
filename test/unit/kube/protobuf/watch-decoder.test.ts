import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { protobufResources } from '../../../../src/kube/protobuf/resources.ts';
import { ProtobufWatchDecoder } from '../../../../src/kube/protobuf/watch-decoder.ts';
import type { ObjectWithMeta, WatchEvent } from '../../../../src/runtime/list-watch.ts';
import { encode, envelope, type Field, frame, metadata } from './encode.ts';

const roles = protobufResources['rbac.authorization.k8s.io/v1/roles'];

function decoder(onUnreadable: () => void = () => undefined): ProtobufWatchDecoder<ObjectWithMeta> {
  if (roles === undefined) throw new Error('Roles are read as protobuf');
  return new ProtobufWatchDecoder(roles, onUnreadable);
}

/** Decodes `bytes`, cut at the given places. */
function decode(
  bytes: Uint8Array,
  cuts: readonly number[] = [],
): { events: WatchEvent<ObjectWithMeta>[]; pendingBytes: number } {
  const reading = decoder();
  const events: WatchEvent<ObjectWithMeta>[] = [];
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let index = 1; index < places.length; index += 1) {
    reading.push(bytes.subarray(places[index - 1], places[index]), (event) => events.push(event));
  }
  return { events, pendingBytes: reading.pendingBytes };
}

const added = (name: string, version: string): Buffer =>
  frame('ADDED', envelope('Role', metadata(name, version), [2, encode([1, 'get'], [2, ''], [3, 'pods'])]));

const initialEventsEnd = encode([1, 'k8s.io/initial-events-end'], [2, 'true']);

describe('a watch in protobuf', () => {
  test('gives objects as the JSON has them', () => {
    expect(decode(added('reader', '7')).events).toEqual([
      {
        type: 'ADDED',
        object: {
          metadata: { name: 'reader', uid: 'uid-of-reader', resourceVersion: '7' },
          rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }],
        },
      },
    ]);
  });

  test('tells bookmarks, and the end of a streamed list', () => {
    const bookmark = (...more: [number, Uint8Array][]): Buffer =>
      frame('BOOKMARK', envelope('Role', [1, encode([6, '9'], ...more)]));
    expect(decode(Buffer.concat([bookmark(), bookmark([12, initialEventsEnd])])).events).toEqual([
      { type: 'BOOKMARK', resourceVersion: '9', endsInitialEvents: false },
      { type: 'BOOKMARK', resourceVersion: '9', endsInitialEvents: true },
    ]);
  });

  test('gives the same events wherever the chunks are cut', () => {
    const name = fc.stringMatching(/^[a-z]{1,300}$/);
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.nat(),
        (names, cuts, rest) => {
          const whole = Buffer.concat(names.map((each, index) => added(each, `${index + 1}`)));
          const unfinished = added('unfinished', '99');
          const begun = unfinished.subarray(0, rest % unfinished.length);
          const { events, pendingBytes } = decode(Buffer.concat([whole, begun]), cuts);
          expect(events).toEqual(decode(whole).events);
          expect(events).toHaveLength(names.length);
          expect(pendingBytes).toBe(begun.length);
        },
      ),
    );
  });

  test('gives an event as soon as it is complete', () => {
    const reading = decoder();
    const seen: string[] = [];
    const onEvent = (event: WatchEvent<ObjectWithMeta>): void => void seen.push(event.type);
    const both = Buffer.concat([added('a', '1'), added('b', '2')]);
    reading.push(both.subarray(0, both.length - 1), onEvent);
    expect(seen).toEqual(['ADDED']);
    reading.push(both.subarray(both.length - 1), onEvent);
    expect(seen).toEqual(['ADDED', 'ADDED']);
    expect(reading.pendingBytes).toBe(0);
  });

  test('that the server ends says why', () => {
    const expired = envelope(
      'Status',
      [2, 'Failure'],
      [3, 'too old'],
      [4, 'Expired'],
      [5, encode([5, 3])],
      [6, 410],
    );
    expect(() => decode(frame('ERROR', expired))).toThrow(
      expect.objectContaining({
        name: 'WatchStatusError',
        message: 'the server ended the watch: 410 Expired: too old',
        watchFailure: 'expired',
        retryAfterMs: 3000,
      }),
    );
  });

  test('with fields that are not known here says so, before it fails', () => {
    const onUnreadable = vi.fn();
    const newer = frame('ADDED', envelope('Role', metadata('a', '1'), [5, 'new']));
    expect(() => decoder(onUnreadable).push(newer, () => undefined)).toThrow(
      expect.objectContaining({
        name: 'UnknownFieldError',
        message: 'Role has a field 5, which is not known here',
      }),
    );
    expect(onUnreadable).toHaveBeenCalledOnce();
  });

  test.each([
    ['of another kind', 'of kind Secret where Role or Status should be', frame('ADDED', envelope('Secret'))],
    ['that is no Kubernetes object', 'does not begin as they do', frame('ADDED', encode([1, 'k9s']))],
    ['that ends inside', 'longer than what it is in', frame('ADDED', envelope('Role').subarray(0, 9))],
    ['of JSON', 'an event of 2065855609 bytes', Buffer.from('{"type":"ADDED"}')],
    ['with broken JSON in it', 'is no message', frame('ADDED', envelope('Role', brokenManagedFields()))],
  ])('an event %s is unreadable, and malformed', (_what, reason, bytes) => {
    const onUnreadable = vi.fn();
    expect(() => decoder(onUnreadable).push(bytes, () => undefined)).toThrow(
      expect.objectContaining({ name: 'MalformedWatchError', message: expect.stringContaining(reason) }),
    );
    expect(onUnreadable).toHaveBeenCalledOnce();
  });

  test.each([
    ['without a name', 'of type ADDED is no watch event', frame('ADDED', envelope('Role', [1, encode()]))],
    ['of an unknown type', 'of type RENAMED', frame('RENAMED', envelope('Role', metadata('a', '1')))],
    ['without a number for a version', 'no watch event', added('a', 'x1')],
  ])('an event %s is malformed, as it would be in JSON', (_what, reason, bytes) => {
    const onUnreadable = vi.fn();
    expect(() => decoder(onUnreadable).push(bytes, () => undefined)).toThrow(
      expect.objectContaining({ name: 'MalformedWatchError', message: expect.stringContaining(reason) }),
    );
    expect(onUnreadable).not.toHaveBeenCalled();
  });
});

describe('what tenants may write into managed fields', () => {
  /** The one entry as it is read. */
  function entryOf(...fields: readonly Field[]): unknown {
    const meta = encode([1, 'a'], [5, 'u'], [6, '1'], [17, encode(...fields)]);
    const [event] = decode(frame('ADDED', envelope('Role', [1, meta]))).events;
    return (
      event?.type === 'ADDED' &&
      (event.object.metadata as { managedFields?: readonly unknown[] }).managedFields?.[0]
    );
  }

  test('may be nested as deep as the API server takes it', () => {
    const depth = 10_000;
    const deep = `${'{"f:a":'.repeat(depth)}{}${'}'.repeat(depth)}`;
    let at = entryOf([7, encode([1, deep])]) as { fieldsV1?: object; 'f:a'?: object } | undefined;
    at = at?.fieldsV1;
    for (let level = 0; level < depth; level += 1) at = at?.['f:a'] as typeof at;
    expect(at).toEqual({});
  });

  test.each([2 ** 62, -(2 ** 62), 8.64e12 + 1])('may be of an impossible time: %d s', (seconds) => {
    expect(entryOf([1, 'x'], [4, encode([1, seconds])])).toEqual({ manager: 'x' });
  });

  test('is of a time in seconds', () => {
    const seconds = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;
    expect(entryOf([4, encode([1, seconds], [2, 999])])).toEqual({ time: '2026-01-02T03:04:05Z' });
  });
});

function brokenManagedFields(): [number, Uint8Array] {
  const fieldsV1 = encode([1, '{"f:rules":'] as const);
  return [1, encode([1, 'a'], [5, 'u'], [6, '1'], [17, encode([1, 'manager'], [7, fieldsV1])])];
}
