import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { LogLine } from '../../tools/operator/operator-process.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness } from '../support/operator-harness.ts';

const spec = { networkPolicy: { defaultDeny: ['Ingress'], allow: { sameNamespace: {} } } };

let harness: OperatorHarness;

beforeAll(async () => {
  harness = await OperatorHarness.start({ proxied: true });
});
afterAll(() => harness[Symbol.asyncDispose]());
beforeEach(() => setLevel('info'));

async function setLevel(level: string): Promise<void> {
  const answer = await fetch(`${harness.operator.probes}/loglevel`, { method: 'PUT', body: level });
  expect(await answer.text()).toBe(`${level}\n`);
}

/** Lines since a place in the log. */
function linesSince(mark: number): readonly LogLine[] {
  return harness.operator.log.slice(mark);
}

describe('the log level', () => {
  test('is changed while the operator runs, by whoever reaches its own loopback', async () => {
    await using scenario = harness.scenario();
    const { pid } = harness.operator;
    await scenario.baseline(spec);
    const quiet = harness.operator.log.length;
    await scenario.namespace('quiet');
    await scenario.hardened(1);
    expect(linesSince(quiet).filter(({ level }) => level === 'debug')).toEqual([]);

    await setLevel('debug');
    const loud = harness.operator.log.length;
    const namespace = await scenario.namespace('loud');
    await eventually(
      () =>
        expect(linesSince(loud)).toContainEqual(
          expect.objectContaining({ level: 'debug', message: 'reconciled', namespace }),
        ),
      { what: 'debug lines are written' },
    );
    expect(linesSince(quiet)).toContainEqual(
      expect.objectContaining({ level: 'info', message: 'log level changed', from: 'info', to: 'debug' }),
    );
    expect(harness.operator.pid).toBe(pid);
  });
});

describe('one reconcile', () => {
  test('has an id that all its lines carry, and no line of another', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(spec);
    await setLevel('debug');
    const mark = harness.operator.log.length;
    const names = ['a', 'b', 'c', 'd'];
    const namespaces = await Promise.all(names.map((name) => scenario.namespace(name)));
    await scenario.hardened(names.length);
    for (const namespace of namespaces) {
      const wrote = (line: LogLine): boolean =>
        line.message === 'namespace changed' && line.namespace === namespace;
      const first = await eventually(() => linesSince(mark).find(wrote) ?? false, {
        what: `${namespace} is written`,
      });
      const together = await eventually(
        () => {
          const lines = linesSince(mark).filter(({ reconcileId }) => reconcileId === first.reconcileId);
          expect(lines.at(-1)?.message).toBe('reconciled');
          return lines;
        },
        { what: 'the reconcile has ended' },
      );
      expect(new Set(together.map((line) => line.namespace))).toEqual(new Set([namespace]));
      expect(together.map(({ message }) => message)).toEqual(
        expect.arrayContaining(['namespace changed', 'namespace hardened', 'reconciled']),
      );
      const requests = together.filter(({ message }) => message === 'requested');
      expect(requests).toContainEqual(
        expect.objectContaining({
          verb: 'create',
          resource: 'networkpolicies',
          name: `${scenario.name}.default-deny`,
          code: '201',
        }),
      );
    }
  });
});

describe('one repair', () => {
  test('is one line, that names the object and whoever changed it', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(spec);
    const namespace = await scenario.namespace();
    await scenario.hardened(1);
    const mark = harness.operator.log.length;
    const policy = { kind: 'NetworkPolicy', namespace, name: `${scenario.name}.default-deny` } as const;
    await harness.admin.apply(policy, { spec: { ingress: [{}] } }, 'pipeline');
    await eventually(
      async () => {
        const { spec: found } = await harness.admin.get(policy);
        expect((found as { ingress?: unknown }).ingress).toBeUndefined();
      },
      { what: 'the hole is closed' },
    );
    // What comes after the repair in the queue has been done: so has whatever the repair brought with it.
    await scenario.namespace('later');
    await scenario.hardened(2);
    expect(linesSince(mark).filter((line) => line.namespace === namespace)).toEqual([
      {
        timestamp: expect.any(String),
        level: 'warn',
        message: 'drift repaired',
        reconcileId: expect.stringMatching(/^[0-9a-f]{6}-\d+$/),
        namespace,
        object: { kind: 'NetworkPolicy', name: policy.name },
        action: 'replace',
        reason: 'DriftRepaired',
        found: `NetworkPolicy ${policy.name} was changed by pipeline`,
        actor: 'pipeline',
      },
    ]);
  });
});

describe('at debug level', () => {
  test('no line holds the token, also where requests fail', async () => {
    await using scenario = harness.scenario();
    const { users } = parse(await readFile(harness.kubeconfig, 'utf8'));
    const token: string = users[0].user.token;
    expect(token.length).toBeGreaterThan(100);
    await setLevel('debug');
    await scenario.baseline(spec);
    const mark = harness.operator.log.length;
    harness.proxy.treat((method, path) =>
      method === 'POST' && path.includes('networkpolicies')
        ? { status: 500, reason: 'InternalError' }
        : 'pass',
    );
    const namespace = await scenario.namespace();
    await eventually(
      () =>
        expect(linesSince(mark)).toContainEqual(
          expect.objectContaining({
            message: 'reconcile failed',
            namespace,
            reconcileId: expect.any(String),
          }),
        ),
      { what: 'a reconcile fails' },
    );
    harness.proxy.breakWatches();
    await eventually(
      () => expect(linesSince(mark)).toContainEqual(expect.objectContaining({ message: 'watch failed' })),
      { what: 'a watch fails' },
    );
    harness.proxy.release();
    await scenario.hardened(1);
    const [, payload = ''] = token.split('.');
    const written = JSON.stringify(harness.operator.log);
    expect(written).toContain('requested');
    expect(written).not.toContain(token);
    expect(written).not.toContain(payload);
    expect(written).not.toMatch(/Bearer (?!\[redacted\])/);
  });
});
