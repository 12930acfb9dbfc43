/** The image's root file system runs as a pod would run it: as its user, read-only, with what a ServiceAccount brings. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OciArchive } from '../../tools/image/oci-archive.ts';
import { OperatorProcess, operatorNamespace } from '../../tools/operator/operator-process.ts';
import { loadKubeconfig } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import type { OperatorHarness } from '../support/operator-harness.ts';
import { OwnCluster } from '../support/own-cluster.ts';
import { imageUnderTest } from './image-under-test.ts';

const execute = promisify(execFile);

const user = 65532;
const serviceAccountFiles = 'var/run/secrets/kubernetes.io/serviceaccount';

let cluster: OwnCluster;
let harness: OperatorHarness;
let image: OciArchive;
/** Where the root file system and the ServiceAccount's files are. */
let folder: string;

beforeAll(async () => {
  if (process.getuid?.() !== 0) throw new Error('The image is run by chroot, which needs root: sudo .ci/run');
  image = await OciArchive.open(await imageUnderTest());
  folder = await mkdtemp(join(tmpdir(), 'sbo-container-'));
  await image.unpack(join(folder, 'rootfs'));
  cluster = await OwnCluster.start();
  harness = cluster.harness;
  await mountPoints();
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await image?.[Symbol.asyncDispose]();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

/** What the kubelet brings: the ServiceAccount's files, and the folders that something is mounted on. */
async function mountPoints(): Promise<void> {
  const token = loadKubeconfig(harness.kubeconfig).getCurrentUser()?.token ?? '';
  const files = { token, 'ca.crt': harness.controlPlane.ca, namespace: operatorNamespace };
  await mkdir(join(folder, 'serviceaccount'), { mode: 0o755 });
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, 'serviceaccount', name), content, { mode: 0o644 });
  }
  for (const path of ['proc', serviceAccountFiles]) {
    await mkdir(join(folder, 'rootfs', path), { recursive: true });
  }
}

/**
 * The command that runs another one in the image, without more privileges than a container of the `restricted` Pod Security level has:
 * mounts are seen by it alone, and gone with it.
 */
function inImage(...command: readonly string[]): [string, ...string[]] {
  const script = [
    'set -e',
    'mount --bind "$0/rootfs" "$0/rootfs"',
    `mount --bind -o ro "$0/serviceaccount" "$0/rootfs/${serviceAccountFiles}"`,
    'mount --bind /proc "$0/rootfs/proc"',
    'mount -o remount,bind,ro "$0/rootfs"',
    `exec setpriv --no-new-privs chroot --groups= --userspec=${user}:${user} "$0/rootfs" "$@"`,
  ].join('\n');
  return ['unshare', '--mount', '--propagation=private', 'sh', '-c', script, folder, ...command];
}

/** What a pod's containers find in their environment; nothing of this process' own. */
function podEnvironment(): Record<string, string> {
  const { hostname, port } = new URL(harness.controlPlane.serverUrl);
  return {
    ...Object.fromEntries((image.config.config.Env ?? []).map((text) => text.split(/=(.*)/s).slice(0, 2))),
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
    POD_NAME: 'security-baseline-operator-0',
    POD_NAMESPACE: operatorNamespace,
  };
}

/** The image's entry point, as the kubelet starts it. */
async function startContainer(): Promise<OperatorProcess> {
  const environment = Object.entries(podEnvironment()).map(([name, value]) => `${name}=${value}`);
  const [program, ...args] = inImage(...(image.config.config.Entrypoint ?? []));
  return await OperatorProcess.start({
    command: ['env', '--ignore-environment', `PATH=${process.env.PATH}`, ...environment, program, ...args],
  });
}

test('hardens a namespace, with what a pod has: a token, a CA and the address of the API server', async () => {
  await using operator = await startContainer();
  await operator.ready();
  await using scenario = harness.scenario();
  await scenario.baseline({
    networkPolicy: { defaultDeny: ['Ingress', 'Egress'], allow: { dns: {} } },
    podSecurity: { enforce: 'restricted' },
  });
  const namespace = await scenario.namespace();
  await scenario.hardened();
  expect(await harness.managedObjects(namespace)).toEqual([
    `NetworkPolicy ${scenario.name}.allow-dns`,
    `NetworkPolicy ${scenario.name}.default-deny`,
  ]);
  const status = await readFile(`/proc/${operator.pid}/status`, 'utf8');
  expect(status).toMatch(new RegExp(`^Uid:\\s+${user}\\s+${user}\\s+${user}\\s+${user}$`, 'm'));
  expect(status).toMatch(/^Groups:\s*$/m);
  expect(status).toMatch(/^CapEff:\s+0+$/m);
  expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
});

test('says nothing that is no line of its log, and ends in order when it is told to', async () => {
  const operator = await startContainer();
  await operator.ready();
  await eventually(() => operator.log.some(({ message }) => message === 'leading'), {
    what: 'it leads, once the Lease of the one before is free',
    timeoutMs: 30_000,
  });
  expect(await operator.stop()).toBe(0);
  expect(operator.log.at(-1)).toMatchObject({ message: 'stopped' });
  expect(operator.log.filter(({ level }) => level === 'raw')).toEqual([]);
});

test('names the sources in stack traces', async () => {
  const bundle = await readFile(join(folder, 'rootfs/app/security-baseline-operator.mjs'), 'utf8');
  for (const source of ['src/main.ts', 'src/operator.ts', 'src/kube/api-client.ts']) {
    expect(bundle).toContain(`\n// ${source}\n`);
  }
  expect(bundle).toMatch(/^(class SecurityBaselineOperator|var SecurityBaselineOperator = class) /m);
});

test('cannot write anywhere', async () => {
  const write = `
    const { readdirSync, writeFileSync } = require('node:fs');
    const foldersIn = (path) => [path, ...readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'proc')
      .flatMap((entry) => foldersIn(path + entry.name + '/'))];
    const folders = foldersIn('/');
    for (const folder of folders) try { writeFileSync(folder + 'new', ''); console.log(folder); } catch {}
    console.log(folders.includes('/app/'));`;
  const [program, ...args] = inImage('/usr/local/bin/node', '--eval', write);
  expect((await execute(program, args)).stdout).toBe('true\n');
});

test('runs kubectl-baseline, of the same version', async () => {
  const node = '/usr/local/bin/node';
  const versions = await Promise.all(
    ['/app/kubectl-baseline', '/app/security-baseline-operator.mjs'].map(async (file) => {
      const [program, ...args] = inImage(node, '--disable-warning=DEP0040', file, '--version');
      return (await execute(program, args)).stdout.trim();
    }),
  );
  const label = image.config.config.Labels?.['org.opencontainers.image.version'];
  expect(versions).toEqual([label, label]);
});
