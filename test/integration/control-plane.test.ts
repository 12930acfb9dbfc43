import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  AuthenticationV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  RbacAuthorizationV1Api,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Component, ControlPlane } from '../../tools/controlplane/control-plane.ts';
import { loadKubeconfig, sharedControlPlane } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';

const components: readonly Component[] = ['etcd', 'kube-apiserver', 'kube-controller-manager'];
const here = import.meta.dirname;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Runs the work with a temporary folder of its own, and tells what is left in it afterwards. */
async function leftoversOf(work: (folder: string) => Promise<void>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sbo-leftovers-'));
  const original = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  try {
    await work(folder);
    return await readdir(folder);
  } finally {
    if (original === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = original;
    await rm(folder, { recursive: true, force: true });
  }
}

describe('the shared control plane', () => {
  const namespace = 'control-plane-test';
  const shared = sharedControlPlane();
  const admin = loadKubeconfig(shared.adminKubeconfig);
  const core = admin.makeApiClient(CoreV1Api);

  beforeAll(async () => {
    await core.createNamespace({ body: { metadata: { name: namespace } } });
    await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'reader' } } });
    await admin.makeApiClient(RbacAuthorizationV1Api).createNamespacedRoleBinding({
      namespace,
      body: {
        metadata: { name: 'reader' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
        subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace }],
      },
    });
  });
  afterAll(() => core.deleteNamespace({ name: namespace }));

  test('lets a ServiceAccount do what RBAC grants it and nothing else', async () => {
    const path = await shared.kubeconfigForServiceAccount(namespace, 'reader');
    const reader = loadKubeconfig(path).makeApiClient(CoreV1Api);
    // The authorizer learns of a new RoleBinding through a watch.
    const pods = await eventually(() => reader.listNamespacedPod({ namespace }), {
      what: 'reading is granted',
    });
    expect(pods.items).toEqual([]);
    await expect(reader.listNamespacedPod({ namespace: 'default' })).rejects.toMatchObject({ code: 403 });
    const body = { metadata: { name: 'forbidden' } };
    await expect(reader.createNamespacedConfigMap({ namespace, body })).rejects.toMatchObject({ code: 403 });
  });

  test('says that a ServiceAccount has to be created before it gets a kubeconfig', async () => {
    await expect(shared.kubeconfigForServiceAccount(namespace, 'nobody')).rejects.toThrow(
      `ServiceAccount ${namespace}/nobody does not exist`,
    );
  });

  test('knows a user and the groups of their kubeconfig', async () => {
    const path = await shared.kubeconfigForUser('alice@example.com', ['team:payments', 'on-call']);
    const alice = loadKubeconfig(path);
    const review = await alice.makeApiClient(AuthenticationV1Api).createSelfSubjectReview({ body: {} });
    expect(review.status?.userInfo).toMatchObject({
      username: 'alice@example.com',
      groups: ['team:payments', 'on-call', 'system:authenticated'],
    });
    const access = await alice.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
      body: { spec: { resourceAttributes: { verb: 'get', resource: 'secrets', namespace } } },
    });
    expect(access.status?.allowed).toBe(false);
  });

  test('has written a request to its audit log by the time it is answered, once', async () => {
    const name = `audited-${crypto.randomUUID()}`;
    await core.createNamespacedConfigMap({ namespace, body: { metadata: { name } } });
    const lines = (await readFile(shared.auditLogPath, 'utf8'))
      .split('\n')
      .filter((line) => line.includes(name));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { stage: 'ResponseComplete', verb: 'create' },
    ]);
  });
});

describe('a control plane of its own', () => {
  test('keeps its data, its address and its credentials when components restart, and leaves nothing when stopped', async () => {
    await using controlPlane = await ControlPlane.start();
    const { directory, serverUrl } = controlPlane;
    const admin = loadKubeconfig(controlPlane.adminKubeconfig);
    await admin.makeApiClient(CoreV1Api).createNamespace({ body: { metadata: { name: 'kept' } } });
    const before = controlPlane.pid('kube-apiserver');

    await controlPlane.restart('kube-apiserver');
    expect(controlPlane.pid('kube-apiserver')).not.toBe(before);
    await controlPlane.kill('etcd');
    expect(controlPlane.pid('etcd')).toBeUndefined();
    await controlPlane.restart('etcd');

    const again = loadKubeconfig(controlPlane.adminKubeconfig);
    const kept = await eventually(() => again.makeApiClient(CoreV1Api).readNamespace({ name: 'kept' }), {
      what: 'the API server has found etcd again',
    });
    expect(kept.metadata?.name).toBe('kept');
    expect(controlPlane.serverUrl).toBe(serverUrl);

    const pids = components.map((component) => controlPlane.pid(component) ?? 0);
    expect(pids.every((pid) => pid > 0 && isRunning(pid))).toBe(true);
    await controlPlane.stop();
    expect(pids.filter(isRunning)).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  });

  test('is gone after its owner was killed with SIGKILL', async () => {
    const owner = spawn(process.execPath, [join(here, '../support/own-a-control-plane.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(owner.stdout), 'line')) as [string];
    const { directory, pids } = JSON.parse(line) as { directory: string; pids: number[] };
    expect(pids.every(isRunning)).toBe(true);
    expect(existsSync(directory)).toBe(true);

    owner.kill('SIGKILL');
    await eventually(() => pids.every((pid) => !isRunning(pid)), { what: 'every component has ended' });
    await eventually(() => !existsSync(directory), { what: 'the directory is removed' });
  });

  test('that cannot start says why, with the end of the log, and leaves nothing', async () => {
    const leftovers = await leftoversOf(async () => {
      const extraFlags = { 'kube-apiserver': ['--no-such-flag'] };
      await expect(ControlPlane.start({ extraFlags })).rejects.toThrow(
        /kube-apiserver ended while starting; the end of its log:[\s\S]*unknown flag: --no-such-flag/,
      );
    });
    expect(leftovers).toEqual([]);
  });

  test('that is given up while starting leaves nothing', async () => {
    const leftovers = await leftoversOf(async (folder) => {
      const abort = new AbortController();
      const started = ControlPlane.start({ signal: abort.signal });
      started.catch(() => {});
      await eventually(async () => (await readdir(folder)).length > 0, { what: 'its directory exists' });
      abort.abort(new Error('changed my mind'));
      await expect(started).rejects.toThrow('changed my mind');
    });
    expect(leftovers).toEqual([]);
  });
});
