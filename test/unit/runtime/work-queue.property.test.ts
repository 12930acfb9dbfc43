import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Lane, URGENT_IN_A_ROW, WorkQueue } from '../../../src/runtime/work-queue.ts';
import { FakeClock } from './fake-clock.ts';

/** The queue as one would say it, at any cost: by key, the run to come; and the keys being run. */
class Model {
  nowMs = 0;
  readonly runs = new Map<string, { lane: Lane; dueAtMs: number }>();
  readonly processing = new Set<string>();

  add(key: string, lane: Lane, delayMs: number): void {
    const known = this.runs.get(key);
    const dueAtMs = this.nowMs + delayMs;
    // Also where the key is about to run: it may wait for longer than the delay.
    this.runs.set(key, {
      lane: known?.lane === 'urgent' ? 'urgent' : lane,
      dueAtMs: Math.min(known?.dueAtMs ?? Infinity, dueAtMs),
    });
  }

  takeable(lane: Lane): string[] {
    return [...this.runs]
      .filter(([key, run]) => run.lane === lane && run.dueAtMs <= this.nowMs && !this.processing.has(key))
      .map(([key]) => key);
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd');
const lane = fc.constantFrom<Lane>('urgent', 'normal');
const operation = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), key, lane }),
  fc.record({ kind: fc.constant('addAfter' as const), key, lane, delayMs: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ kind: fc.constant('take' as const) }),
  fc.record({ kind: fc.constant('done' as const), key }),
  fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 15 }) }),
);

test('agrees with a simple model under random operations', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
      const clock = new FakeClock();
      const queue = new WorkQueue<string>({ clock });
      const model = new Model();
      let urgentInARow = 0;
      for (const step of operations) {
        switch (step.kind) {
          case 'add':
            queue.add(step.key, step.lane);
            model.add(step.key, step.lane, 0);
            break;
          case 'addAfter':
            queue.addAfter(step.key, step.delayMs, step.lane);
            model.add(step.key, step.lane, step.delayMs);
            break;
          case 'advance':
            await clock.advance(step.ms);
            model.nowMs += step.ms;
            break;
          case 'done':
            if (model.processing.delete(step.key)) queue.done(step.key);
            break;
          case 'take': {
            const urgent = model.takeable('urgent');
            const normal = model.takeable('normal');
            const stop = new AbortController();
            const taking = queue.take(stop.signal);
            stop.abort();
            const taken = await taking;
            if (taken === undefined) {
              expect([...urgent, ...normal]).toEqual([]);
              break;
            }
            const turn = urgent.length > 0 && (normal.length === 0 || urgentInARow < URGENT_IN_A_ROW);
            expect(turn ? urgent : normal).toContain(taken);
            urgentInARow = turn ? urgentInARow + 1 : 0;
            model.runs.delete(taken);
            model.processing.add(taken);
          }
        }
        expect(queue.processing).toBe(model.processing.size);
        const ready = [...model.runs.values()].filter((run) => run.dueAtMs <= model.nowMs);
        expect(queue.depth('urgent')).toBe(ready.filter((run) => run.lane === 'urgent').length);
        expect(queue.depth('normal')).toBe(ready.filter((run) => run.lane === 'normal').length);
        expect(queue.delayed).toBe(model.runs.size - ready.length);
        expect(clock.pendingTimers).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 300 },
  );
});
