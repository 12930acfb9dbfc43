import { beforeEach, describe, expect, test } from 'vitest';
import type { BaselineException } from '../../../src/api/types.generated.ts';
import type { Verdict } from '../../../src/baseline/exceptions.ts';
import { Exceptions, type ExceptionsParts } from '../../../src/controller/exceptions.ts';
import type { ObservedNamespace } from '../../../src/diff/observed-namespace.ts';
import { ApiError, type ApiErrorKind } from '../../../src/kube/api-error.ts';
import { FakeClock } from '../runtime/fake-clock.ts';

const team = { name: 'team-a' } as ObservedNamespace;
const hourMs = 3_600_000;

let clock: FakeClock;
let judged: { exception: BaselineException; verdict: Verdict }[];
let writes: string[];
let lines: string[];
let write: (name: string) => Promise<void>;
let exceptions: Exceptions;

beforeEach(() => {
  clock = new FakeClock();
  judged = [];
  writes = [];
  lines = [];
  write = async () => undefined;
  const keep = (message: string): void => void lines.push(message);
  exceptions = new Exceptions({
    desiredStates: { judge: () => judged },
    clock,
    record: () => undefined,
    logOf: () => ({ info: keep, warn: keep }),
    write: async ({ metadata }: BaselineException) => {
      writes.push(metadata.name);
      await write(metadata.name);
    },
  } as unknown as ExceptionsParts);
});

/** An exception that waits for its approval until then; nothing has been written of it yet. */
function asked(name: string, changesAt: number | undefined): void {
  const exception: BaselineException = {
    apiVersion: 'securitybaseline.io/v1alpha1',
    kind: 'BaselineException',
    metadata: { name, namespace: team.name, uid: `uid-of-${name}`, generation: 1 },
    spec: { reason: 'a migration needs it', expiresAt: '' },
  };
  judged.push({ exception, verdict: { state: 'AwaitingApproval', message: '', relaxes: [], changesAt } });
}

/** Every write of a status fails like this. */
function fails(kind: ApiErrorKind): void {
  const operation = { verb: 'patch', resource: 'baselineexceptions/status' } as const;
  write = () => Promise.reject(new ApiError({ operation, kind, message: 'refused' }));
}

describe('the next look', () => {
  test('is when the first of them changes by itself', () => {
    asked('late', clock.now() + 9_000);
    asked('soon', clock.now() + 5_000);
    asked('never', undefined);
    expect(exceptions.nextLook(team)).toBe(5_000);
  });

  test('is not later than in an hour, however distant the end', () => {
    asked('late', clock.now() + 1_000 * hourMs);
    expect(exceptions.nextLook(team)).toBe(hourMs);
  });

  test('is at a time also where one of them gives none: no delay is not a number', () => {
    asked('broken', Number.NaN);
    expect(exceptions.nextLook(team)).toBe(hourMs);
    asked('soon', clock.now() + 5_000);
    expect(exceptions.nextLook(team)).toBe(5_000);
  });
});

describe('a status that the API server refuses as invalid', () => {
  test('does not fail its namespace, and keeps no other from being written', async () => {
    asked('refused', undefined);
    asked('right', undefined);
    fails('invalid');
    const refuse = write;
    write = (name) => (name === 'refused' ? refuse(name) : Promise.resolve());
    await exceptions.follow(team);
    expect(writes).toEqual(['refused', 'right']);
  });

  test('is tried again after a growing pause, however often its namespace is looked at', async () => {
    asked('refused', undefined);
    fails('invalid');
    const pauses: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      const next = await exceptions.follow(team);
      pauses.push((next ?? Number.NaN) / 60_000);
      expect(await exceptions.follow(team)).toBe(next);
      await clock.advance(next ?? 0);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(writes).toHaveLength(9);
  });

  test('is told as often as it is tried', async () => {
    asked('refused', undefined);
    fails('invalid');
    for (let look = 0; look < 20; look += 1) await exceptions.follow(team);
    expect(lines).toEqual(['exception status refused']);
  });

  test('is tried at once when the exception has changed', async () => {
    asked('refused', undefined);
    fails('invalid');
    await exceptions.follow(team);
    judged = [];
    asked('refused', undefined);
    await exceptions.follow(team);
    expect(writes).toHaveLength(2);
  });

  test('makes nobody hurry when it is due: its namespace may fail, and be tried again in a while', async () => {
    asked('refused', undefined);
    fails('invalid');
    await exceptions.follow(team);
    await clock.advance(hourMs);
    expect(exceptions.nextLook(team)).toBeUndefined();
  });

  test('does not put off what time changes in another', async () => {
    asked('refused', undefined);
    asked('soon', clock.now() + 5_000);
    fails('invalid');
    expect(await exceptions.follow(team)).toBe(5_000);
  });
});

test('a status that could not be written for another reason is left to the retry of its namespace', async () => {
  asked('refused', undefined);
  fails('unavailable');
  await expect(exceptions.follow(team)).rejects.toThrow('refused');
});
