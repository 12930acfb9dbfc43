/** A cluster with something to look at: two replicas of the operator, and namespaces in every state. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { kubectl } from '../../tools/foreign/kubectl.ts';
import { OperatorProcess } from '../../tools/operator/operator-process.ts';
import { eventually } from '../support/eventually.ts';
import type { OperatorHarness } from '../support/operator-harness.ts';
import { OwnCluster } from '../support/own-cluster.ts';
import type { Scenario } from '../support/scenario.ts';

const root = new URL('../../', import.meta.url).pathname;

interface Parts {
  readonly harness: OperatorHarness;
  readonly follower: OperatorProcess;
  /** Programs, for a shell. */
  readonly bin: string;
  /** All of it, to be undone at the end. */
  readonly resources: AsyncDisposableStack;
}

/** On a control plane of its own, so that what is counted is what is made here. */
export class MonitoredCluster implements AsyncDisposable {
  readonly harness: OperatorHarness;
  /** Selects all the namespaces that {@link fill} makes. */
  readonly scenario: Scenario;
  /** Selects them, too, and would change them if it enforced. */
  readonly audit: Scenario;
  /** Asks for what may not be granted, and for admission that is not there. */
  readonly refused: Scenario;
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.harness = parts.harness;
    [this.scenario, this.audit, this.refused] = [
      this.harness.scenario(),
      this.harness.scenario(),
      this.harness.scenario(),
    ];
  }

  static async start(): Promise<MonitoredCluster> {
    await using started = new AsyncDisposableStack();
    const cluster = started.use(await OwnCluster.start());
    const { harness } = cluster;
    await harness.startOperator();
    const follower = started.use(await OperatorProcess.start({ kubeconfig: harness.kubeconfig }));
    await follower.ready();
    const bin = await mkdtemp(join(tmpdir(), 'monitored-'));
    started.defer(() => rm(bin, { recursive: true, force: true }));
    await symlink(await kubectl.path(), join(bin, 'kubectl'));
    const plugin = `#!/bin/sh\nexec '${process.execPath}' '${root}src/cli/main.ts' "$@"\n`;
    await writeFile(join(bin, 'kubectl-baseline'), plugin, { mode: 0o755 });
    return new MonitoredCluster({ harness, follower, bin, resources: started.move() });
  }

  /** Where the leader, and then the follower, can be scraped. */
  get targets(): readonly string[] {
    return [this.harness.operator, this.#parts.follower].map(({ probes }) => new URL(probes).host);
  }

  /** Two namespaces are hardened, one of them with an exception and both with a repaired drift; one is weakened, and one fails. */
  async fill(): Promise<void> {
    const { scenario, audit, refused } = this;
    const { admin } = this.harness;
    const networkPolicy = { defaultDeny: ['Ingress', 'Egress'] };
    await scenario.baseline({
      networkPolicy,
      resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10' } } }],
      exceptions: { allow: ['Egress'], maxDuration: '8h' },
    });
    await Promise.all(['hardened', 'excepted', 'weakened'].map((suffix) => scenario.namespace(suffix)));
    await scenario.hardened(3);
    const open = { kind: 'NetworkPolicy', namespace: this.namespace('weakened'), name: 'open-wide' } as const;
    await admin.create(open, { spec: { podSelector: {}, ingress: [{}] } });
    await this.#makeFailing();
    await this.#makeAnException();
    await eventually(
      async () =>
        expect((await scenario.status()).namespaces).toMatchObject({ selected: 4, hardened: 2, failing: 2 }),
      { what: 'all has come to rest', timeoutMs: 60_000 },
    );

    const quota = { kind: 'ResourceQuota', name: `${scenario.name}.compute` } as const;
    const raised = { spec: { hard: { pods: '5000' } } };
    await admin.apply({ ...quota, namespace: this.namespace('hardened') }, raised, 'kubectl-edit');
    const deny = { kind: 'NetworkPolicy', name: `${scenario.name}.default-deny` } as const;
    await admin.delete({ ...deny, namespace: this.namespace('excepted') });

    await audit.baseline({
      namespaceSelector: { matchLabels: scenario.label },
      mode: 'Audit',
      podSecurity: { warn: 'restricted' },
    });
    const secrets = { apiGroups: [''], resources: ['secrets'], verbs: ['get'] };
    await refused.baseline({
      networkPolicy: { ...networkPolicy, tenantPolicies: 'Restrict' },
      serviceAccounts: [{ name: 'app', rules: [secrets] }],
    });
    await eventually(
      async () => {
        expect((await refused.status()).conditions).toMatchObject({ Ready: 'False RulesNotGrantable' });
        for (const { name } of [scenario, audit]) {
          const { metadata, status } = await admin.get({ kind: 'SecurityBaseline', name });
          expect(status).toMatchObject({
            observedGeneration: metadata.generation,
            conditions: expect.arrayContaining([
              expect.objectContaining({
                type: 'Ready',
                status: 'True',
                observedGeneration: metadata.generation,
              }),
            ]),
          });
        }
        expect(await this.repairsSeen()).toHaveLength(2);
        expect(await this.auditChanges()).toBeGreaterThan(0);
      },
      { what: 'drift is repaired, and the baselines are judged', timeoutMs: 60_000 },
    );
  }

  /** The full name of a namespace that {@link fill} makes. */
  namespace(suffix: 'hardened' | 'excepted' | 'weakened' | 'failing'): string {
    return `${this.scenario.name}-${suffix}`;
  }

  /** Changes that the auditing baseline would make, as its status has it. */
  async auditChanges(): Promise<number> {
    const { status } = await this.harness.admin.get({ kind: 'SecurityBaseline', name: this.audit.name });
    return (status as { audit?: { changes?: number } }).audit?.changes ?? 0;
  }

  /** The Events of repairs, as tenants read them. */
  async repairsSeen(): Promise<readonly string[]> {
    const events = await Promise.all([
      this.harness.events(this.namespace('hardened')),
      this.harness.events(this.namespace('excepted')),
    ]);
    return events.flat().filter((event) => event.startsWith('DriftRepaired'));
  }

  /** Runs lines of shell as an administrator; resolves with what they end with. */
  async shell(script: string): Promise<{ readonly code: number; readonly output: string }> {
    const { bin, harness } = this.#parts;
    const { adminKubeconfig } = harness.controlPlane;
    const ended = promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
      env: { PATH: `${bin}:${process.env.PATH}`, HOME: bin, KUBECONFIG: adminKubeconfig },
    });
    return await ended.then(
      ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
      (error: Error & { code?: number; stdout?: string; stderr?: string }) => ({
        code: error.code ?? -1,
        output: `${error.stdout}${error.stderr}`,
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.resources[Symbol.asyncDispose]();
  }

  /** The tenant's own quota refuses our policies. */
  async #makeFailing(): Promise<void> {
    const { admin } = this.harness;
    const namespace = await this.scenario.namespace('failing', {});
    const quota = { kind: 'ResourceQuota', namespace, name: 'no-policies' } as const;
    await admin.create(quota, { spec: { hard: { 'count/networkpolicies.networking.k8s.io': '0' } } });
    await eventually(async () => ((await admin.get(quota)).status as { hard?: object }).hard !== undefined, {
      what: 'the quota is in force',
    });
    await admin.mergePatch(
      { kind: 'Namespace', name: namespace },
      { metadata: { labels: this.scenario.label } },
    );
  }

  /** In effect, and for less than an hour. */
  async #makeAnException(): Promise<void> {
    const { admin } = this.harness;
    const target = {
      kind: 'BaselineException',
      namespace: this.namespace('excepted'),
      name: 'legacy',
    } as const;
    const expiresAt = new Date(Date.now() + 3_000_000).toISOString().replace(/\.\d+Z$/, 'Z');
    const egress = [{ to: [{ ipBlock: { cidr: '10.1.2.3/32' } }], ports: [{ port: 5432 }] }];
    const { metadata } = await admin.create(target, { spec: { reason: 'a migration', expiresAt, egress } });
    const approval = { by: 'security', uid: metadata.uid, generation: metadata.generation };
    await admin.mergePatch(target, { status: { approval } }, 'status');
    await eventually(async () => expect((await admin.get(target)).status).toHaveProperty('until'), {
      what: 'the exception is in effect',
    });
  }
}
