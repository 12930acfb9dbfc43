import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LeaderElector } from '../../../src/runtime/leader-elector.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeLeaseServer, type Link } from './fake-lease-server.ts';

const who = fc.nat({ max: 2 });
const link = fc.constantFrom<Link>('up', 'down', 'hangs', 'loses answers');
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 6_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('link' as const), who, link }) },
  // One process is stopped (SIGSTOP) while the others go on.
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('pause' as const),
      who,
      ms: fc.integer({ min: 1, max: 30_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('step' as const),
      who,
      ms: fc.integer({ min: -60_000, max: 60_000 }),
    }),
  },
);

test('never are two guards open at once, whatever happens to clocks, processes and connections', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const server = new FakeLeaseServer();
      const candidates = ['a', 'b', 'c'].map((identity) => {
        const clock = new FakeClock();
        const lock = server.connect();
        const elector = new LeaderElector({
          lock,
          identity,
          clock,
          onStartedLeading: () => undefined,
          onStoppedLeading: () => undefined,
        });
        elector.start();
        return { clock, lock, elector };
      });
      const check = (): void => {
        expect(candidates.filter(({ elector }) => elector.guard()).length).toBeLessThanOrEqual(1);
      };
      /** Lets time pass for all alike, in small pieces; one may be stopped meanwhile. */
      const pass = async (ms: number, stopped?: number): Promise<void> => {
        for (let left = ms; left > 0; left -= 500) {
          const piece = Math.min(left, 500);
          for (const [index, { clock }] of candidates.entries()) {
            if (index === stopped) clock.pause(piece);
            else await clock.advance(piece);
          }
          check();
        }
      };
      for (const next of steps) {
        if (next.kind === 'pass') await pass(next.ms);
        else if (next.kind === 'pause') await pass(next.ms, next.who);
        else if (next.kind === 'link') (candidates[next.who] as (typeof candidates)[0]).lock.link = next.link;
        else candidates[next.who]?.clock.stepWallClock(next.ms);
        check();
      }
      for (const { lock } of candidates) lock.link = 'up';
      await pass(40_000);
      expect(candidates.filter(({ elector }) => elector.guard())).toHaveLength(1);
    }),
    { numRuns: 50 },
  );
}, 60_000);
