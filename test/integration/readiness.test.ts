import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness } from '../support/operator-harness.ts';

let harness: OperatorHarness;

beforeAll(async () => {
  harness = await OperatorHarness.start({ flags: ['--watch-idle-timeout', '2s'], proxied: true });
});
afterAll(() => harness[Symbol.asyncDispose]());

async function readyz(): Promise<string> {
  const answer = await fetch(`${harness.operator.probes}/readyz`);
  return `${answer.status} ${await answer.text()}`;
}

async function samples(name: string): Promise<readonly string[]> {
  const lines = (await harness.operator.metrics()).split('\n');
  return lines.filter((line) => line.startsWith(`security_baseline_${name}`));
}

describe('a watch', () => {
  test('on which nothing happens is opened again, and the replica stays ready', async () => {
    await eventually(
      async () =>
        expect(await samples('watch_restarts_total{resource="nodes",reason="resume"}')).toEqual([
          expect.stringMatching(/ [3-9]$/),
        ]),
      { what: 'the silent watch of nodes has been opened again three times', timeoutMs: 30_000 },
    );
    expect(await readyz()).toBe('200 ok\n');
    expect((await samples('watch_stale{')).filter((line) => !line.endsWith(' 0'))).toEqual([]);
  });

  test('that the API server no longer answers makes the replica unready, and alive still, until it is heard again', async () => {
    harness.proxy.treat((_method, path) => (path.includes('watch=true') ? 'hold' : 'pass'));
    const stale = await eventually(
      async () => {
        const answer = await readyz();
        expect(answer).toMatch(/^503 /);
        expect(answer).toMatch(/\[-\] watch-namespaces failed: not heard from for \d+ s\n/);
        return answer;
      },
      { what: 'the replica is not ready', timeoutMs: 30_000 },
    );
    expect(stale).not.toContain('not synced yet');
    expect(await samples('watch_stale{resource="namespaces"}')).toEqual([expect.stringMatching(/ 1$/)]);
    expect((await fetch(`${harness.operator.probes}/healthz`)).status).toBe(200);

    harness.proxy.release();
    await eventually(async () => expect(await readyz()).toBe('200 ok\n'), {
      what: 'the replica is ready again',
      timeoutMs: 30_000,
    });
  });
});
