/** The version before this one is replaced by this one, and brought back: nobody loses protection, and nothing is written over. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyManifests, installation, readManifests } from '../../tools/operator/manifests.ts';
import { OperatorProcess } from '../../tools/operator/operator-process.ts';
import { loadKubeconfig } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { type OperatorHarness, operatorUser } from '../support/operator-harness.ts';
import { OwnCluster } from '../support/own-cluster.ts';
import type { ServedObject } from '../support/rest-client.ts';
import type { Scenario } from '../support/scenario.ts';

const execute = promisify(execFile);

/** Where the version before this one is from: the last release, or, until there is one, what was committed last. */
const tag = await lastRelease();
const before = tag ?? 'HEAD';
const title =
  tag === undefined
    ? 'an upgrade from the last commit, in place of a release (there is no tag v* yet)'
    : `an upgrade from release ${tag}`;

async function lastRelease(): Promise<string | undefined> {
  const { stdout } = await execute('git', [
    'tag',
    '--list',
    'v*',
    '--sort=-version:refname',
    '--merged',
    'HEAD',
  ]);
  const tags = stdout.split('\n').filter((line) => /^v\d+\.\d+\.\d+$/.test(line));
  // On the commit of a release itself, it is the one before that counts.
  const { stdout: here } = await execute('git', ['tag', '--points-at', 'HEAD']);
  return tags.find((line) => !here.split('\n').includes(line));
}

let checkout: string;
let cluster: OwnCluster;
let harness: OperatorHarness;

beforeAll(async () => {
  checkout = await checkOut(before);
  cluster = await OwnCluster.start();
  harness = cluster.harness;
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  if (checkout !== undefined) await rm(checkout, { recursive: true, force: true });
});

/** The files of a commit in a folder of their own, with what they depend on. */
async function checkOut(commit: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sbo-before-'));
  const archive = spawn('git', ['archive', commit], { stdio: ['ignore', 'pipe', 'inherit'] });
  const unpack = spawn('tar', ['--extract', '--directory', folder], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  archive.stdout.pipe(unpack.stdin);
  const [[code]] = await Promise.all([once(unpack, 'close'), once(archive, 'close')]);
  expect(code).toBe(0);
  const lockOf = (directory: string) => readFile(join(directory, 'package-lock.json'), 'utf8');
  if ((await lockOf(folder)) === (await lockOf('.'))) {
    await symlink(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  } else {
    await execute('npm', ['ci', '--omit=dev', '--ignore-scripts'], { cwd: folder });
  }
  await mkdir(join(folder, 'dist'), { recursive: true });
  return folder;
}

/** The version before, as `npm start` runs it. */
async function startBefore(): Promise<OperatorProcess> {
  const { scripts } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8'));
  const [, ...args] = (scripts.start as string).split(' ');
  const main = args.pop() ?? '';
  const { kubeconfig } = harness;
  const command = [process.execPath, ...args, join(checkout, main)] as const;
  return await leading(await OperatorProcess.start({ kubeconfig, command: [...command] }));
}

async function startNow(): Promise<OperatorProcess> {
  return await leading(await OperatorProcess.start({ kubeconfig: harness.kubeconfig }));
}

async function leading(operator: OperatorProcess): Promise<OperatorProcess> {
  await operator.ready();
  await eventually(() => operator.log.some(({ message }) => message === 'leading'), {
    what: 'the operator leads',
    timeoutMs: 30_000,
  });
  return operator;
}

/** What one version has written and the other finds. */
const spec = {
  networkPolicy: {
    defaultDeny: ['Ingress', 'Egress'],
    allow: { dns: {}, sameNamespace: {} },
    policies: [
      {
        name: 'from-gateway',
        justification: 'serves the shop',
        spec: {
          podSelector: {},
          policyTypes: ['Ingress'],
          ingress: [{ from: [{ namespaceSelector: { matchLabels: { gateway: 'yes' } } }] }],
        },
      },
    ],
  },
  resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10', 'requests.cpu': '4' } } }],
  limitRanges: [{ name: 'defaults', spec: { limits: [{ type: 'Container', max: { cpu: '2' } }] } }],
  serviceAccounts: [{ name: 'app', rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }] }],
  defaultServiceAccount: { automountToken: false },
  podSecurity: { enforce: 'restricted' },
};

/** Everything of the namespaces that is the operator's, as it is now, with its resource versions. */
async function snapshot(namespaces: readonly string[]): Promise<readonly ServedObject[]> {
  const objects = await Promise.all(
    namespaces.map(async (name) => [
      await harness.admin.get({ kind: 'Namespace', name }),
      ...(await harness.objects(name)),
    ]),
  );
  return objects.flat();
}

/** Resolves when the operator has looked at every namespace since it started. */
async function firstPassDone(operator: OperatorProcess): Promise<void> {
  const namespaces = await harness.admin.list({ kind: 'Namespace' });
  const guarded = 4;
  await eventually(
    async () => {
      const lines = (await operator.metrics()).split('\n');
      const reconciles = lines.filter((line) => line.startsWith('security_baseline_reconciles_total'));
      const sum = reconciles.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
      expect(sum).toBeGreaterThanOrEqual(namespaces.length - guarded);
    },
    { what: 'every namespace was looked at', timeoutMs: 30_000 },
  );
}

/** Two namespaces that the version before has hardened; it has ended then. */
async function hardenedBefore(scenario: Scenario): Promise<readonly string[]> {
  await using _ = await startBefore();
  return await hardened(scenario);
}

async function hardened(scenario: Scenario): Promise<readonly string[]> {
  await scenario.baseline(spec);
  const namespaces = [await scenario.namespace('a'), await scenario.namespace('b')];
  await scenario.hardened(2);
  return namespaces;
}

describe(title, () => {
  test('rewrites nothing that the version before has written, nor does going back', async () => {
    await using scenario = harness.scenario();
    const namespaces = await hardenedBefore(scenario);
    const written = await snapshot(namespaces);
    // As `kubectl apply -k` does it: CRDs and permissions first, the operator then.
    await applyManifests(
      loadKubeconfig(harness.controlPlane.adminKubeconfig),
      installation.flatMap(readManifests),
    );
    const mark = await harness.audit.mark();
    for (const start of [startNow, startBefore]) {
      await using operator = await start();
      await firstPassDone(operator);
      await scenario.hardened(2);
    }
    expect(await snapshot(namespaces)).toEqual(written);
    const deletions = (await harness.audit.writesBy(operatorUser, mark)).filter((write) =>
      /^delete/.test(write),
    );
    expect(deletions).toEqual([]);
  });

  test('goes on where the version before left off: a baseline edited in between, a namespace made, a hole torn', async () => {
    await using scenario = harness.scenario();
    const namespaces = await hardenedBefore(scenario);
    const [first = ''] = namespaces;
    await scenario.baseline({
      ...spec,
      resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '5' } } }],
    });
    await scenario.namespace('c');
    await harness.admin.delete({
      kind: 'NetworkPolicy',
      namespace: first,
      name: `${scenario.name}.default-deny`,
    });
    await using operator = await startNow();
    await scenario.hardened(3);
    expect(await harness.managedObjects(first)).toContain(`NetworkPolicy ${scenario.name}.default-deny`);
    const quota = { kind: 'ResourceQuota', namespace: first, name: `${scenario.name}.compute` } as const;
    expect((await harness.admin.get(quota)).spec).toEqual({ hard: { pods: '5' } });
    expect(operator.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('hands over by the Lease: while both run, one leads', async () => {
    await using scenario = harness.scenario();
    await using old = await startBefore();
    const next = await OperatorProcess.start({ kubeconfig: harness.kubeconfig });
    try {
      await next.ready();
      expect(next.log.some(({ message }) => message === 'leading')).toBe(false);
      await old.stop();
      await leading(next);
      await hardened(scenario);
    } finally {
      await next.stop();
    }
  });
});
