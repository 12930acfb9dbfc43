import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SecurityBaseline } from '../../../src/api/types.generated.ts';
import { AdmissionCheck } from '../../../src/controller/admission-check.ts';
import type { ApiClient } from '../../../src/kube/api-client.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { answer, clientFor, DummyApiServer, status } from '../kube/dummy-api-server.ts';

const guard = 'membership.securitybaseline.io';
const rules = 'pods.securitybaseline.io';
const quiet = { info: () => undefined, warn: () => undefined } as unknown as Logger;

let installed: readonly string[];
let server: DummyApiServer;
let client: ApiClient;
let changes: number;
let check: AdmissionCheck;

beforeEach(async () => {
  installed = [];
  server = await DummyApiServer.start(({ url }, response) => {
    const name = url.split('/').at(-1) ?? '';
    if (installed.includes(name)) answer(response, 200, {});
    else answer(response, 404, status(404, 'NotFound', { name }));
  });
  client = clientFor(server);
  changes = 0;
  check = new AdmissionCheck(client, quiet, () => changes++);
});
afterEach(async () => {
  await client.close();
  await server.stop();
});

function problem(spec: Partial<SecurityBaseline['spec']>): string | undefined {
  return check.problemOf({ spec } as SecurityBaseline);
}

describe('what a baseline asks of admission', () => {
  const asks: [string, Partial<SecurityBaseline['spec']>][] = [
    ['of pods', { admission: { holdPodsUntilHardened: true } }],
    ["of tenants' policies", { networkPolicy: { tenantPolicies: 'Forbid' } }],
  ];

  test.each(asks)('%s is not done where only the guard is installed', async (_what, spec) => {
    installed = [guard];
    await check.refresh();
    expect(problem(spec)).toContain('apply config/policies');
    installed = [guard, rules];
    await check.refresh();
    expect(problem(spec)).toBeUndefined();
    expect(changes).toBe(2);
  });

  test('of who joins is done by the guard', async () => {
    await check.refresh();
    expect(problem({ joining: 'Guarded' })).toContain('apply config/policies');
    installed = [guard];
    await check.refresh();
    expect(problem({ joining: 'Guarded' })).toBeUndefined();
  });

  test('is no problem where it is nothing', async () => {
    await check.refresh();
    expect(problem({ networkPolicy: { defaultDeny: ['Ingress'] } })).toBeUndefined();
    expect(check.isKnown).toBe(true);
  });

  test('is told once, not again when the answer is the same', async () => {
    await check.refresh();
    await check.refresh();
    expect(changes).toBe(1);
  });
});
