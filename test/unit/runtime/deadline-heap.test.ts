import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Deadline, DeadlineHeap } from '../../../src/runtime/deadline-heap.ts';

const deadline = fc.nat({ max: 100 });
const operation = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), dueAtMs: deadline }),
  fc.record({ kind: fc.constant('hasten' as const), pick: fc.nat(), byMs: deadline }),
  fc.record({ kind: fc.constant('remove' as const), pick: fc.nat() }),
);

test('a heap always shows what is due first, whatever is added, hastened or taken out', () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 20, maxLength: 100 }), (operations) => {
      const heap = new DeadlineHeap<Deadline>();
      const items: Deadline[] = [];
      for (const step of operations) {
        const item = step.kind === 'add' ? undefined : items[step.pick % items.length];
        if (step.kind === 'add') {
          const added = { dueAtMs: step.dueAtMs, heapIndex: -1 };
          items.push(added);
          heap.add(added);
        } else if (item !== undefined && step.kind === 'hasten') {
          item.dueAtMs -= step.byMs;
          heap.moveUp(item);
        } else if (item !== undefined) {
          items.splice(items.indexOf(item), 1);
          heap.remove(item);
          expect(item.heapIndex).toBe(-1);
        }
        expect(heap.size).toBe(items.length);
        const first = heap.peek()?.dueAtMs ?? Infinity;
        expect(first).toBe(Math.min(...items.map(({ dueAtMs }) => dueAtMs)));
      }
      for (let last = -Infinity; heap.size > 0; ) {
        const first = heap.peek() as Deadline;
        expect(first.dueAtMs).toBeGreaterThanOrEqual(last);
        last = first.dueAtMs;
        heap.remove(first);
      }
    }),
  );
});

test('an item that takes the place of one taken out may have to rise', () => {
  const heap = new DeadlineHeap<Deadline>();
  const items = [1, 10, 2, 11, 12, 3, 4].map((dueAtMs) => ({ dueAtMs, heapIndex: -1 }));
  for (const item of items) heap.add(item);
  heap.remove(items[3] as Deadline);
  const order: number[] = [];
  for (let first = heap.peek(); first !== undefined; first = heap.peek()) {
    order.push(first.dueAtMs);
    heap.remove(first);
  }
  expect(order).toEqual([1, 2, 3, 4, 10, 12]);
});
