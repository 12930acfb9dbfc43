import { describe, expect, it } from 'vitest';
import { InFlightLimiter } from '../../../src/kube/in-flight-limiter.ts';
import { FakeClock, flush } from '../runtime/fake-clock.ts';

function limiterOf(max: number, min = 2) {
  const clock = new FakeClock();
  return { clock, limiter: new InFlightLimiter({ clock, min, max }) };
}

async function fill(limiter: InFlightLimiter): Promise<void> {
  while (limiter.inFlight < limiter.limit) await limiter.acquire();
}

/** As many answers as it takes for each place to have been used once. */
async function answerOneRound(limiter: InFlightLimiter): Promise<void> {
  await fill(limiter);
  for (let left = limiter.limit; left > 0; left -= 1) {
    limiter.release('answered');
    await limiter.acquire();
  }
}

describe('InFlightLimiter', () => {
  it('lets no more through than its limit', async () => {
    const { limiter } = limiterOf(3);
    await fill(limiter);
    void limiter.acquire();
    expect([limiter.inFlight, limiter.waiting]).toEqual([3, 1]);
    limiter.release('answered');
    expect([limiter.inFlight, limiter.waiting]).toEqual([3, 0]);
  });

  it('halves on overload', async () => {
    const { limiter } = limiterOf(32);
    await fill(limiter);
    limiter.release('overloaded');
    expect(limiter.limit).toBe(16);
  });

  it('takes the failures of one moment for one sign of overload', async () => {
    const { clock, limiter } = limiterOf(32);
    await fill(limiter);
    limiter.release('overloaded');
    limiter.release('overloaded');
    expect(limiter.limit).toBe(16);
    await clock.advance(1000);
    limiter.release('overloaded');
    expect(limiter.limit).toBe(8);
  });

  it('holds normal requests to a quarter of the places while urgent ones are under way, however many those are', async () => {
    const { limiter } = limiterOf(32);
    for (let count = 0; count < 12; count += 1) expect(limiter.acquire('urgent')).toBeUndefined();
    const normal = Array.from({ length: 20 }, () => limiter.acquire('normal'));
    expect(normal.filter((turn) => turn === undefined)).toHaveLength(8);
    expect(limiter.acquire('urgent')).toBeUndefined();
    expect([limiter.inFlight, limiter.waiting]).toEqual([21, 12]);
    for (let left = 8; left > 0; left -= 1) limiter.release('answered', 'normal');
    expect([limiter.inFlight, limiter.waiting]).toEqual([21, 4]);
  });

  it('gives normal requests all places again once urgent ones have ceased for a while', async () => {
    const { clock, limiter } = limiterOf(32);
    void limiter.acquire('urgent');
    for (let count = 0; count < 40; count += 1) void limiter.acquire('normal');
    await clock.advance(10_000);
    limiter.release('answered', 'normal');
    expect(limiter.inFlight).toBe(9);
    limiter.release('answered', 'urgent');
    await clock.advance(199);
    limiter.release('answered', 'normal');
    expect(limiter.inFlight).toBe(8);
    await clock.advance(1);
    limiter.release('answered', 'normal');
    expect(limiter.inFlight).toBe(32);
  });

  it('lets those that wait in, too, when a request comes after urgent ones have ceased', async () => {
    const { clock, limiter } = limiterOf(32);
    void limiter.acquire('urgent');
    limiter.release('answered', 'urgent');
    for (let count = 0; count < 12; count += 1) void limiter.acquire('normal');
    expect([limiter.inFlight, limiter.waiting]).toEqual([8, 4]);
    await clock.advance(200);
    void limiter.acquire('normal');
    expect([limiter.inFlight, limiter.waiting]).toEqual([13, 0]);
  });

  it('gives one turn in nine to a normal request while urgent ones flood it', async () => {
    const { limiter } = limiterOf(4);
    const order: string[] = [];
    for (let count = 0; count < 4; count += 1) void limiter.acquire('urgent');
    void limiter.acquire('normal')?.then(() => order.push('normal'));
    for (let count = 0; count < 20; count += 1) {
      void limiter.acquire('urgent')?.then(() => order.push('urgent'));
    }
    for (let time = 0; time < 12; time += 1) limiter.release('answered', 'urgent');
    await flush();
    expect(order.indexOf('normal')).toBe(8);
  });

  it('never falls below its minimum', async () => {
    const { clock, limiter } = limiterOf(8, 2);
    for (let time = 0; time < 10; time += 1) {
      await limiter.acquire();
      limiter.release('overloaded');
      await clock.advance(1000);
    }
    expect(limiter.limit).toBe(2);
  });

  it('grows back by about one for each round of answers, up to its maximum', async () => {
    const { limiter } = limiterOf(8);
    await limiter.acquire();
    limiter.release('overloaded');
    expect(limiter.limit).toBe(4);
    await answerOneRound(limiter);
    await answerOneRound(limiter);
    expect(limiter.limit).toBe(5);
    for (let round = 0; round < 20; round += 1) await answerOneRound(limiter);
    expect(limiter.limit).toBe(8);
  });

  it('grows back while a rollout waits beside single urgent requests, which keep it from using all places', async () => {
    const { limiter } = limiterOf(32);
    for (let count = 0; count < 12; count += 1) void limiter.acquire('urgent');
    limiter.release('overloaded', 'urgent');
    expect(limiter.limit).toBe(16);
    for (let left = limiter.inFlight; left > 0; left -= 1) limiter.release('unknown', 'urgent');
    for (let count = 0; count < 1000; count += 1) void limiter.acquire('normal');
    for (let time = 0; time < 900; time += 1) {
      if (time % 20 === 0) void limiter.acquire('urgent');
      limiter.release('answered', 'normal');
      if (time % 20 === 10) limiter.release('answered', 'urgent');
    }
    expect(limiter.limit).toBe(32);
  });

  it('does not grow while the limit is not what holds requests back', async () => {
    const { limiter } = limiterOf(8);
    await limiter.acquire();
    limiter.release('overloaded');
    for (let time = 0; time < 50; time += 1) {
      await limiter.acquire();
      limiter.release('answered');
    }
    expect(limiter.limit).toBe(4);
  });

  it('lets urgent waiters pass, and keeps the order among equals', async () => {
    const { limiter } = limiterOf(2);
    await fill(limiter);
    const order: string[] = [];
    for (const name of ['a', 'b']) void limiter.acquire('normal')?.then(() => order.push(name));
    for (const name of ['c', 'd']) void limiter.acquire('urgent')?.then(() => order.push(name));
    for (let time = 0; time < 2; time += 1) limiter.release('answered', 'normal');
    for (let time = 0; time < 2; time += 1) limiter.release('answered', 'urgent');
    limiter.release('answered', 'normal');
    await flush();
    expect(order).toEqual(['c', 'd', 'a', 'b']);
  });

  it('forgets a waiter whose signal fires, and gives its turn to the next', async () => {
    const { limiter } = limiterOf(2);
    await fill(limiter);
    const controller = new AbortController();
    const aborted = limiter.acquire('normal', controller.signal);
    const next = limiter.acquire();
    controller.abort(new Error('stopping'));
    await expect(aborted).rejects.toThrow('stopping');
    limiter.release('answered');
    await next;
    expect([limiter.inFlight, limiter.waiting]).toEqual([2, 0]);
  });

  it('refuses bounds that make no sense, quoting them', () => {
    const clock = new FakeClock();
    expect(() => new InFlightLimiter({ clock, min: 4, max: 3 })).toThrow(/min 4 .* max 3/);
  });
});
