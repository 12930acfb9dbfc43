import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operatorNamespace } from '../../tools/operator/operator-process.ts';
import { OperatorHarness, operatorUser } from '../support/operator-harness.ts';

const main = new URL('../../src/main.ts', import.meta.url).pathname;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the operator's command to its end, with no environment but this. */
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return await new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : 0;
      resolve({ code, stdout, stderr });
    });
  });
}

describe('the command line', () => {
  test('--help documents every flag, and the environment variable that stands for it', async () => {
    const { code, stdout } = await run(['--help']);
    expect(code).toBe(0);
    const documented = stdout
      .split(/\n(?= {2}-)/)
      .slice(1)
      .map((entry) => entry.replaceAll(/\s+/g, ' '))
      .map((entry) => {
        const [, flag = '', description = ''] = /(--[a-z-]+)(?: <[^>]+>)? (.*)/.exec(entry) ?? [];
        return [flag, /env: ([A-Z_]+)/.exec(description)?.[1], description] as const;
      });
    const flags = Object.fromEntries(documented.map(([flag, variable]) => [flag, variable]));
    expect(flags).toMatchObject({
      '--kubeconfig': 'KUBECONFIG',
      '--namespace': 'POD_NAMESPACE',
      '--protected-namespaces': 'PROTECTED_NAMESPACES',
      '--identity': 'POD_NAME',
      '--probe-address': 'PROBE_ADDRESS',
      '--workers': 'WORKERS',
      '--max-requests-in-flight': 'MAX_REQUESTS_IN_FLIGHT',
      '--resync-interval': 'RESYNC_INTERVAL',
      '--drain-timeout': 'DRAIN_TIMEOUT',
      '--grantable-cluster-role': 'GRANTABLE_CLUSTER_ROLE',
      '--log-level': 'LOG_LEVEL',
      '--log-format': 'LOG_FORMAT',
    });
    for (const [flag, variable, description] of documented) {
      expect(description.length, `${flag} is explained`).toBeGreaterThan(10);
      // What is a switch for people, not a setting, has none.
      if (!['--version', '--help', '--no-leader-elect'].includes(flag)) {
        expect(variable, `${flag} has a variable`).toMatch(/^[A-Z_]+$/);
      }
    }
  });

  test.each([
    [['--workers', '0'], "argument '0' is invalid. Give a whole number from 1 to 256."],
    [['--resync-interval', '10'], "argument '10' is invalid. Give a duration such as 500ms, 30s, 10m or 1h."],
    [['--protected-namespaces', 'a,B_c'], "'B_c' is not the name of a namespace."],
    [['--no-such-flag'], "unknown option '--no-such-flag'"],
  ])('%j is refused, naming flag and fix', async (args, message) => {
    const { code, stderr } = await run(args);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
    expect(stderr).toContain(args[0]);
  });

  test('a bad value in the environment is refused, naming the variable', async () => {
    const { code, stderr } = await run([], { WORKERS: 'many' });
    expect(code).not.toBe(0);
    expect(stderr).toContain("value 'many' from env 'WORKERS' is invalid");
  });

  test('a kubeconfig that is not there is told, and ends it', async () => {
    const { code, stderr } = await run(['--kubeconfig', '/no/such/file', '--probe-address', '127.0.0.1:0']);
    expect(code).toBe(1);
    expect(stderr).toContain('/no/such/file');
  });
});

describe('the running operator', () => {
  let harness: OperatorHarness;
  beforeAll(async () => {
    harness = await OperatorHarness.start();
  });
  afterAll(() => harness[Symbol.asyncDispose]());

  test('answers /healthz, /readyz and /metrics', async () => {
    const { probes } = harness.operator;
    for (const path of ['/healthz', '/readyz']) {
      const answer = await fetch(probes + path);
      expect([answer.status, await answer.text()]).toEqual([200, 'ok\n']);
    }
    const ready = await (await fetch(`${probes}/readyz?verbose`)).text();
    for (const resource of [
      'securitybaselines.securitybaseline.io',
      'namespaces',
      'networkpolicies.networking.k8s.io',
      'resourcequotas',
      'limitranges',
      'serviceaccounts',
      'roles.rbac.authorization.k8s.io',
      'rolebindings.rbac.authorization.k8s.io',
    ]) {
      expect(ready).toContain(`[+] watch-${resource} ok`);
    }
    const metrics = await fetch(`${probes}/metrics`);
    expect(metrics.headers.get('content-type')).toContain('text/plain');
    const text = await metrics.text();
    expect(text).toMatch(/^security_baseline_leader.* 1$/m);
  });

  const may = [
    ['patch', 'securitybaseline.io', 'securitybaselines/status'],
    ['create', 'networking.k8s.io', 'networkpolicies'],
    ['patch', '', 'namespaces'],
  ] as const;
  const mayNot = [
    ['get', '', 'secrets'],
    ['list', '', 'secrets'],
    ['create', '', 'pods'],
    ['create', '', 'pods/exec'],
    ['create', '', 'namespaces'],
    ['delete', '', 'namespaces'],
    ['create', '', 'serviceaccounts/token'],
    ['impersonate', '', 'users'],
    ['escalate', 'rbac.authorization.k8s.io', 'roles'],
    ['bind', 'rbac.authorization.k8s.io', 'clusterroles'],
    ['create', 'rbac.authorization.k8s.io', 'clusterrolebindings'],
    ['update', 'rbac.authorization.k8s.io', 'clusterroles'],
    ['update', 'securitybaseline.io', 'securitybaselines'],
    ['create', 'securitybaseline.io', 'securitybaselines'],
    ['delete', 'securitybaseline.io', 'securitybaselines'],
    ['update', 'coordination.k8s.io', 'leases'],
    ['delete', 'admissionregistration.k8s.io', 'validatingadmissionpolicies'],
    ['*', '*', '*'],
  ] as const;

  async function isAllowed(verb: string, group: string, resource: string): Promise<boolean> {
    const [plural = '', subresource] = resource.split('/');
    const attributes = {
      verb,
      group,
      resource: plural,
      ...(subresource && { subresource }),
      namespace: 'default',
    };
    const { status } = await harness.admin.create(
      { kind: 'SubjectAccessReview' },
      { spec: { user: operatorUser, resourceAttributes: attributes } },
    );
    return (status as { allowed: boolean }).allowed;
  }

  test.each(may)('may %s %s %s', async (...permission) => {
    expect(await isAllowed(...permission)).toBe(true);
  });

  test.each(mayNot)('may not %s %s %s', async (...permission) => {
    expect(await isAllowed(...permission)).toBe(false);
  });

  test('ends by itself with code 0 on SIGTERM, says so, and leaves the Lease to the next one', async () => {
    const { operator } = harness;
    operator.signal('SIGTERM');
    expect(await operator.ended()).toBe(0);
    const told = operator.log.map(({ message }) => message);
    expect(told.filter((message) => /^(stop|no longer)/.test(message)).toSorted()).toEqual([
      'no longer leading',
      'stopped',
      'stopping',
    ]);
    expect(told.at(-1)).toBe('stopped');
    const name = 'security-baseline-operator';
    const { spec } = await harness.admin.get({ kind: 'Lease', namespace: operatorNamespace, name });
    expect((spec as { holderIdentity?: string }).holderIdentity ?? '').toBe('');
  });
});
