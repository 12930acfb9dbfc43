/** What is installed for the Prometheus operator: its API takes it, and it leads to the operator's pods. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { ControlPlane } from '../../tools/controlplane/control-plane.ts';
import { kubectl } from '../../tools/foreign/kubectl.ts';
import { prometheusOperatorCrds } from '../../tools/foreign/prometheus-operator.ts';
import { readManifests } from '../../tools/operator/manifests.ts';
import { eventually } from '../support/eventually.ts';

type Labels = Readonly<Record<string, string>>;

interface Endpoint {
  readonly port: string;
  readonly path: string;
}

/** As far as the tests look at objects. */
interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: Labels };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly jobLabel?: string;
    readonly selector?: Labels & { readonly matchLabels?: Labels };
    readonly endpoints?: readonly Endpoint[];
    readonly podMetricsEndpoints?: readonly Endpoint[];
    readonly ports?: readonly { readonly name: string; readonly targetPort: string }[];
    readonly template?: {
      readonly metadata: { readonly labels: Labels };
      readonly spec: {
        readonly containers: readonly [{ readonly ports: readonly { readonly name: string }[] }];
      };
    };
  };
}

const root = new URL('../../', import.meta.url).pathname;
let controlPlane: ControlPlane;
let folder: string;

beforeAll(async () => {
  controlPlane = await ControlPlane.start();
  folder = await mkdtemp(join(tmpdir(), 'monitoring-'));
  for (const crd of await prometheusOperatorCrds()) await run('apply', '--server-side', '-f', crd);
  await eventually(
    async () =>
      expect(await run('api-resources', '--api-group=monitoring.coreos.com', '-o', 'name')).toMatch(
        /podmonitors[\s\S]*prometheusrules[\s\S]*servicemonitors/,
      ),
    { what: 'the kinds of the Prometheus operator are served' },
  );
  await run('apply', '-f', join(root, 'config/default/namespace.yaml'));
});
afterAll(async () => {
  await controlPlane?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

async function run(...args: readonly string[]): Promise<string> {
  const env = { ...process.env, KUBECONFIG: controlPlane.adminKubeconfig };
  return (await promisify(execFile)(await kubectl.path(), args, { env, maxBuffer: 2 ** 25 })).stdout;
}

/** config/monitoring with one of its components, as a kustomization of somebody's own. */
async function render(
  component: string,
): Promise<{ readonly file: string; readonly objects: readonly Rendered[] }> {
  const monitoring = relative(folder, join(root, 'config/monitoring'));
  await writeFile(
    join(folder, 'kustomization.yaml'),
    stringify({ resources: [monitoring], components: [`${monitoring}/${component}`] }),
  );
  const text = await run('kustomize', folder);
  const file = join(folder, `${component}.yaml`);
  await writeFile(file, text);
  return { file, objects: parseAllDocuments(text).map((document) => document.toJS() as Rendered) };
}

function ofKind(objects: readonly Rendered[], kind: string): Rendered {
  const [found, ...more] = objects.filter((object) => object.kind === kind);
  if (found === undefined || more.length > 0) throw new Error(`not one ${kind}`);
  return found;
}

const [deployment] = readManifests('config/manager/deployment.yaml') as unknown as readonly Rendered[];
const pod = deployment?.spec?.template;
const podPorts = pod?.spec.containers[0].ports.map(({ name }) => name);

describe.each(['service-monitor', 'pod-monitor'])('with %s', (component) => {
  test("the Prometheus operator's API takes all of it, with no field that it does not know", async () => {
    const { file, objects } = await render(component);
    const answer = await run('apply', '--server-side', '--validate=strict', '-f', file);
    expect(answer.trim().split('\n')).toHaveLength(objects.length);
    expect(answer).toContain('prometheusrule.monitoring.coreos.com/security-baseline-operator');
    expect(new Set(objects.map(({ metadata }) => metadata.namespace))).toEqual(
      new Set(['security-baseline-system']),
    );
  });
});

test('the ServiceMonitor leads to the Service, that to the pods, and the job has the name that alerts know', async () => {
  const { objects } = await render('service-monitor');
  const service = ofKind(objects, 'Service');
  const { spec: monitor } = ofKind(objects, 'ServiceMonitor');
  expect(service.metadata.labels).toMatchObject(monitor?.selector?.matchLabels ?? { missing: '' });
  expect(service.metadata.labels?.[monitor?.jobLabel ?? '']).toBe('security-baseline-operator');
  expect(pod?.metadata.labels).toMatchObject(service.spec?.selector ?? { missing: '' });
  const [endpoint] = monitor?.endpoints ?? [];
  const port = service.spec?.ports?.find(({ name }) => name === endpoint?.port);
  expect(podPorts).toContain(port?.targetPort);
});

test('the PodMonitor leads to the pods, and the job has the name that alerts know', async () => {
  const { objects } = await render('pod-monitor');
  expect(objects.map(({ kind }) => kind)).not.toContain('Service');
  const { spec: monitor } = ofKind(objects, 'PodMonitor');
  expect(pod?.metadata.labels).toMatchObject(monitor?.selector?.matchLabels ?? { missing: '' });
  expect(pod?.metadata.labels[monitor?.jobLabel ?? '']).toBe('security-baseline-operator');
  expect(podPorts).toContain(monitor?.podMetricsEndpoints?.[0]?.port);
});

test("the dashboard is a ConfigMap that Grafana's sidecar finds", async () => {
  const { objects } = await render('pod-monitor');
  const { metadata, data = {} } = ofKind(objects, 'ConfigMap');
  expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' });
  expect(Object.keys(data)).toEqual(['security-baseline.json']);
  expect(JSON.parse(data['security-baseline.json'] ?? '')).toMatchObject({ title: 'Security Baseline' });
});
