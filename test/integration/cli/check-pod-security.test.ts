/**
 * `check` and the API server's own Pod Security admission must say the same of every pod: which are refused, and for which
 * reasons. The server is asked by dry run.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { podTemplateOf } from '../../../src/cli/check/pod-templates.ts';
import { podSecurityRules } from '../../../src/cli/check/rules/pod-security/rules.ts';
import { ManifestObject } from '../../../src/cli/manifests/manifest-object.ts';
import { sharedControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/eventually.ts';
import { RestClient, RestError } from '../../support/rest-client.ts';

interface Target {
  readonly namespace: string;
  readonly level: 'baseline' | 'restricted';
  readonly minor: number;
}

/** On both sides of every version at which a standard changed. Restricted holds almost all of baseline. */
const minors = {
  restricted: [Number.POSITIVE_INFINITY, 34, 33, 31, 30, 28, 26, 24, 22, 21, 18, 7],
  baseline: [Number.POSITIVE_INFINITY, 34, 18],
} as const;

const targets: readonly Target[] = (['restricted', 'baseline'] as const).flatMap((level) =>
  minors[level].map((minor) => ({
    namespace: `check-${level}-${Number.isFinite(minor) ? minor : 'latest'}`,
    level,
    minor,
  })),
);
const latest = targets.filter(({ minor }) => minor === Number.POSITIVE_INFINITY);

let admin: RestClient;
beforeAll(async () => {
  const controlPlane = sharedControlPlane();
  admin = new RestClient(controlPlane.adminKubeconfig);
  await Promise.all(
    targets.map(async ({ namespace, level, minor }) => {
      const labels = {
        'pod-security.kubernetes.io/enforce': level,
        'pod-security.kubernetes.io/enforce-version': Number.isFinite(minor) ? `v1.${minor}` : 'latest',
      };
      await admin.create({ kind: 'Namespace', name: namespace }, { metadata: { labels } });
      // Without it the ServiceAccount admission plugin refuses every pod.
      await eventually(() => admin.get({ kind: 'ServiceAccount', namespace, name: 'default' }), {
        what: `the default ServiceAccount of ${namespace} is there`,
      });
    }),
  );
});
afterAll(async () => {
  await Promise.all(targets.map(({ namespace }) => admin.delete({ kind: 'Namespace', name: namespace })));
  admin.close();
});

type Path = readonly (string | number)[];
interface Pod {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
}
/** A change of one field; undefined takes it away. */
interface Flip {
  readonly path: Path;
  readonly value: unknown;
}

const safe = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
};

/** Passes level restricted. */
const restrictedPod: Pod = {
  metadata: {},
  spec: {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    initContainers: [{ name: 'init', image: 'registry.example/init:1', securityContext: safe }],
    containers: [
      {
        name: 'app',
        image: 'registry.example/app:1',
        securityContext: safe,
        ports: [{ containerPort: 8080 }],
      },
      { name: 'side', image: 'registry.example/side:1', securityContext: safe },
    ],
    volumes: [{ name: 'data', emptyDir: {} }],
  },
};

/** Passes level baseline only: nothing is said. */
const plainPod: Pod = {
  metadata: {},
  spec: { containers: [{ name: 'app', image: 'registry.example/app:1' }] },
};

/** Passes level restricted, and has none of the fields that there are on Linux only. */
const windowsPod: Pod = {
  metadata: {},
  spec: {
    os: { name: 'windows' },
    securityContext: { runAsNonRoot: true },
    containers: [{ name: 'app', image: 'registry.example/app:1' }],
  },
};

const container = (i: number, ...rest: Path): Path => ['spec', 'containers', i, ...rest];
const context = (i: number, ...rest: Path): Path => container(i, 'securityContext', ...rest);
const initContext = (...rest: Path): Path => ['spec', 'initContainers', 0, 'securityContext', ...rest];
const podContext = (...rest: Path): Path => ['spec', 'securityContext', ...rest];
const flip = (path: Path, ...values: readonly unknown[]): Flip[] => values.map((value) => ({ path, value }));
const volume = (type: string, source: unknown): Flip => ({
  path: ['spec', 'volumes', 0],
  value: { name: 'data', [type]: source },
});

const flips: readonly Flip[] = [
  ...['hostNetwork', 'hostPID', 'hostIPC'].flatMap((name) => flip(['spec', name], true, false)),
  ...flip(['spec', 'hostUsers'], true, false),
  ...flip(context(0, 'privileged'), true, false),
  ...flip(context(0, 'allowPrivilegeEscalation'), true, undefined),
  ...flip(initContext('allowPrivilegeEscalation'), true, undefined),
  ...flip(context(0, 'capabilities'), undefined, {}, { drop: [] }, { drop: ['all'] }, { drop: ['NET_RAW'] }),
  ...flip(
    context(1, 'capabilities', 'add'),
    [],
    ['NET_BIND_SERVICE'],
    ['CHOWN'],
    ['NET_RAW'],
    ['SYS_ADMIN'],
    ['KILL', 'BPF'],
  ),
  ...flip(initContext('capabilities', 'add'), ['SYS_PTRACE']),
  volume('hostPath', { path: '/' }),
  volume('configMap', { name: 'x' }),
  volume('secret', { secretName: 'x' }),
  volume('projected', { sources: [] }),
  volume('downwardAPI', { items: [] }),
  volume('persistentVolumeClaim', { claimName: 'x' }),
  volume('csi', { driver: 'x.example' }),
  volume('image', { reference: 'registry.example/data:1' }),
  volume('nfs', { server: 'x.example', path: '/' }),
  volume('iscsi', { targetPortal: '192.0.2.1:1', iqn: 'iqn.2001-04.com.example:x', lun: 0 }),
  volume('gitRepo', { repository: 'https://example.com/x.git' }),
  ...flip(['spec', 'volumes', 0], { name: 'data' }, { name: 'data', hostPath: null, emptyDir: {} }),
  ...flip(container(0, 'ports', 0, 'hostPort'), 0, 8080),
  ...flip(container(1, 'ports'), [{ containerPort: 1, hostPort: 1 }]),
  ...['livenessProbe', 'readinessProbe', 'startupProbe'].flatMap((probe) => [
    ...flip(container(0, probe), { httpGet: { port: 80 } }, { httpGet: { port: 80, host: '' } }),
    ...flip(container(0, probe), { httpGet: { port: 80, host: '192.0.2.1' } }),
    ...flip(container(0, probe), { tcpSocket: { port: 80, host: '192.0.2.1' } }),
  ]),
  ...['postStart', 'preStop'].flatMap((hook) => [
    ...flip(
      container(0, 'lifecycle', hook),
      { httpGet: { port: 80, host: '192.0.2.1' } },
      { exec: { command: ['true'] } },
    ),
    ...flip(container(0, 'lifecycle', hook), { tcpSocket: { port: 80, host: '192.0.2.1' } }),
  ]),
  ...[podContext, (...rest: Path) => context(0, ...rest), initContext].flatMap((at) => [
    ...flip(at('appArmorProfile'), { type: 'RuntimeDefault' }, { type: 'Unconfined' }),
    ...flip(at('appArmorProfile'), { type: 'Localhost', localhostProfile: 'x' }),
    ...flip(
      at('seLinuxOptions'),
      {},
      { type: 'container_t' },
      { type: 'container_engine_t' },
      { type: 'spc_t' },
    ),
    ...flip(at('seLinuxOptions'), { user: 'system_u' }, { role: 'system_r' }, { level: 's0:c1,c2' }),
    ...flip(at('seccompProfile'), undefined, { type: 'RuntimeDefault' }, { type: 'Unconfined' }),
    ...flip(at('seccompProfile'), { type: 'Localhost', localhostProfile: 'x' }),
    ...flip(at('runAsNonRoot'), true, false, undefined),
    ...flip(at('runAsUser'), 0, 1, undefined),
    ...flip(at('windowsOptions'), { hostProcess: false }, { runAsUserName: 'x' }),
  ]),
  ...flip(context(0, 'procMount'), 'Default', 'Unmasked'),
  ...[
    'kernel.shm_rmid_forced',
    'net.ipv4.ip_local_reserved_ports',
    'net.ipv4.tcp_fin_timeout',
    'net.ipv4.tcp_rmem',
    'kernel.msgmax',
    'net.core.somaxconn',
  ].flatMap((name) => flip(podContext('sysctls'), [{ name, value: '1' }])),
  ...['runtime/default', 'localhost/x', 'unconfined'].flatMap((profile) =>
    flip(['metadata', 'annotations'], { 'container.apparmor.security.beta.kubernetes.io/app': profile }),
  ),
  ...['runtime/default', 'unconfined'].flatMap((profile) => [
    ...flip(['metadata', 'annotations'], { 'seccomp.security.alpha.kubernetes.io/pod': profile }),
    ...flip(['metadata', 'annotations'], { 'container.seccomp.security.alpha.kubernetes.io/app': profile }),
  ]),
];

/** Changes that only mean something together. */
const combinations: readonly (readonly Flip[])[] = [
  [...flip(['spec', 'hostUsers'], false), ...flip(context(0, 'procMount'), 'Unmasked')],
  [...flip(['spec', 'hostUsers'], false), ...flip(podContext('runAsNonRoot'), undefined)],
  [...flip(['spec', 'hostUsers'], false), ...flip(context(0, 'runAsNonRoot'), false)],
  [...flip(['spec', 'hostUsers'], false), ...flip(podContext('runAsUser'), 0)],
  [...flip(podContext('runAsNonRoot'), undefined), ...flip(context(0, 'runAsNonRoot'), true)],
  [
    ...flip(podContext('seccompProfile'), undefined),
    ...flip(context(0, 'seccompProfile'), { type: 'RuntimeDefault' }),
  ],
  [...flip(['spec', 'hostNetwork'], true), ...flip(podContext('windowsOptions'), { hostProcess: true })],
];

/** A copy with one field changed; undefined where the way to the field is not there. */
function changed(value: unknown, path: Path, to: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return to;
  if (typeof step === 'number') {
    if (!Array.isArray(value) || step >= value.length) return value;
    return value.with(step, changed(value[step], rest, to));
  }
  const { [step]: old, ...others } = (value ?? {}) as Record<string, unknown>;
  const next = changed(old, rest, to);
  return next === undefined ? others : { ...others, [step]: next };
}

function withFlips(pod: Pod, changes: readonly Flip[]): Pod {
  return changes.reduce<Pod>((result, { path, value }) => changed(result, path, value) as Pod, pod);
}

/** The server's reasons, by the rules that stand for them. */
const ruleByReason: Readonly<Record<string, string>> = {
  'allowPrivilegeEscalation != false': 'privilege-escalation',
  'forbidden AppArmor profile': 'app-armor',
  'forbidden AppArmor profiles': 'app-armor',
  'non-default capabilities': 'capabilities',
  'unrestricted capabilities': 'capabilities',
  'host namespaces': 'host-namespaces',
  'hostPath volumes': 'volume-types',
  'restricted volume types': 'volume-types',
  hostPort: 'host-ports',
  'probe or lifecycle host': 'host-probes',
  privileged: 'privileged',
  procMount: 'proc-mount',
  'runAsNonRoot != true': 'run-as-non-root',
  'runAsUser=0': 'run-as-user',
  seLinuxOptions: 'se-linux',
  seccompProfile: 'seccomp',
  'forbidden sysctls': 'sysctls',
  hostProcess: 'windows-host-process',
};

type Verdict = readonly string[] | 'invalid';

/** The rules that the server says are broken; `invalid` for a pod that it does not even understand. */
async function serverVerdict(pod: Pod, { namespace }: Target): Promise<Verdict> {
  try {
    await admin.create({ kind: 'Pod', namespace, name: 'pod' }, { ...pod }, { dryRun: 'All' });
    return [];
  } catch (error) {
    if (!(error instanceof RestError)) throw error;
    if (error.status === 422) return 'invalid';
    const reasons = /violates PodSecurity "[^"]*": (.*)$/s.exec(error.message)?.[1];
    if (error.status !== 403 || reasons === undefined) throw error;
    const rules = reasons
      .replace(/ \((?:"[^"]*"|[^()"])*\)/g, '')
      .split(', ')
      .map((reason) => ruleByReason[reason] ?? reason);
    return comparable(rules, pod);
  }
}

function ourVerdict(pod: Pod, { level, minor }: Target): readonly string[] {
  const object = new ManifestObject(
    { apiVersion: 'v1', kind: 'Pod', ...pod, metadata: { name: 'pod', ...pod.metadata } },
    () => ({
      file: '-',
      line: 1,
      column: 1,
    }),
  );
  const template = podTemplateOf(object);
  if (template === undefined) throw new Error('a pod is a pod');
  const broken = podSecurityRules.filter((rule) => [...rule.find(template, { level, minor })].length > 0);
  return comparable(
    broken.map(({ name }) => name),
    pod,
  );
}

/** On the host's network the API server makes each port one of the host's, before it looks. */
function comparable(rules: readonly string[], pod: Pod): readonly string[] {
  return rules.filter((rule) => rule !== 'host-ports' || pod.spec.hostNetwork !== true).toSorted();
}

/** What the two say differently; empty where they agree, and the number of pods that could be compared. */
async function compare(
  pods: readonly { readonly pod: Pod; readonly where: readonly Target[] }[],
): Promise<{ readonly compared: number; readonly differences: readonly unknown[] }> {
  const cases = pods.flatMap(({ pod, where }) => where.map((target) => ({ pod, target })));
  const differences: unknown[] = [];
  let compared = 0;
  const workers = Array.from({ length: 16 }, async () => {
    for (let next = cases.pop(); next !== undefined; next = cases.pop()) {
      const { pod, target } = next;
      const server = await serverVerdict(pod, target);
      if (server === 'invalid') continue;
      compared++;
      const ours = ourVerdict(pod, target);
      if (server.join() !== ours.join()) differences.push({ namespace: target.namespace, pod, server, ours });
    }
  });
  await Promise.all(workers);
  return { compared, differences };
}

describe('Pod Security, compared with the API server', () => {
  test('the pods that the changes start from pass as they are meant to', async () => {
    for (const target of latest) {
      expect(await serverVerdict(restrictedPod, target)).toEqual([]);
      expect(await serverVerdict(windowsPod, target)).toEqual([]);
      expect((await serverVerdict(plainPod, target)).length > 0).toBe(target.level === 'restricted');
    }
  });

  test('every change of a single field is judged alike, at the latest version', async () => {
    const pods = [restrictedPod, plainPod].flatMap((base) => [
      ...flips.map((change) => withFlips(base, [change])),
      ...combinations.map((changes) => withFlips(base, changes)),
    ]);
    const { compared, differences } = await compare(pods.map((pod) => ({ pod, where: latest })));
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(400);
  });

  test('every change of a single field is judged alike, at older versions', async () => {
    const older = targets.filter((target) => !latest.includes(target));
    const pods = [...flips.map((change) => [change]), ...combinations].map((changes) =>
      withFlips(restrictedPod, changes),
    );
    const { compared, differences } = await compare(pods.map((pod) => ({ pod, where: older })));
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(1_000);
  });

  test('pods of Windows are judged alike', async () => {
    const changes = [
      ...flip(podContext('runAsNonRoot'), false, undefined),
      ...flip(podContext('windowsOptions'), { hostProcess: false }, { runAsUserName: 'ContainerUser' }),
      ...flip(['spec', 'os', 'name'], 'linux'),
      ...flip(['spec', 'volumes'], [{ name: 'data', hostPath: { path: 'c:\\' } }]),
      ...flip(container(0, 'ports'), [{ containerPort: 1, hostPort: 1 }]),
    ];
    const hostProcess = [
      ...flip(podContext('windowsOptions'), { hostProcess: true }),
      ...flip(['spec', 'hostNetwork'], true),
    ];
    const pods = [
      windowsPod,
      ...changes.map((change) => withFlips(windowsPod, [change])),
      withFlips(windowsPod, hostProcess),
    ];
    const { compared, differences } = await compare(pods.map((pod) => ({ pod, where: targets })));
    expect(differences).toEqual([]);
    expect(compared).toBe(pods.length * targets.length);
  });

  test('pods with random changes at once are judged alike', async () => {
    const pod = fc
      .record({
        base: fc.constantFrom(restrictedPod, restrictedPod, plainPod, windowsPod),
        changes: fc.array(fc.constantFrom(...flips), { minLength: 1, maxLength: 5 }),
        target: fc.constantFrom(...targets),
      })
      .map(({ base, changes, target }) => ({ pod: withFlips(base, changes), where: [target] }));
    const { compared, differences } = await compare(fc.sample(pod, { numRuns: 600, seed: 20_260_131 }));
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(400);
  });
});
