import { beforeAll, describe } from 'vitest';
import { type Body, breakGlass, create, dryRun, mergePatch, tenant } from './cluster.ts';
import { container, deployment, paths, pod, templates } from './pods.ts';
import { type ClusterOf, type Row, tryEach } from './table.ts';

const account =
  /baseline workloads, admission\.workloads\.forbidDefaultServiceAccount: the ServiceAccount default/;
const missing = (what: string): RegExp =>
  new RegExp(`baseline workloads, admission\\.workloads\\.requireRequestsAndLimits: .*${what}.* missing`);
const token = /baseline workloads, admission\.workloads\.forbidUnrequestedToken: an API token/;

const full = { requests: { cpu: '10m', memory: '1Mi' }, limits: { cpu: '10m', memory: '1Mi' } };
const good = { serviceAccountName: 'app', automountServiceAccountToken: false };
const spec = (resources: Body | undefined, more: Body = {}): Body => ({
  ...good,
  containers: [container(resources === undefined ? {} : { resources })],
  ...more,
});

/** What pods say of themselves. */
export function workloadTests(cluster: ClusterOf): void {
  describe('workloads', () => {
    beforeAll(async () => {
      const workloads = {
        forbidDefaultServiceAccount: true,
        requireRequestsAndLimits: true,
        forbidUnrequestedToken: true,
      };
      await cluster().baseline('workloads', {
        namespaceSelector: { matchLabels: { workloads: 'yes' } },
        admission: { workloads },
      });
      await cluster().baseline('workloads-defaulted', {
        namespaceSelector: { matchLabels: { workloads: 'defaulted' } },
        limitRanges: [
          {
            name: 'defaults',
            spec: { limits: [{ type: 'Container', default: { cpu: '1' }, max: { memory: '1Gi' } }] },
          },
        ],
        admission: { workloads: { requireRequestsAndLimits: true } },
      });
      for (const [name, label] of [
        ['workloads', 'yes'],
        ['workloads-defaulted', 'defaulted'],
      ] as const) {
        await cluster().namespace(name, { workloads: label });
        await cluster().do(
          breakGlass,
          create(`/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: 'app' } }),
        );
      }
      await cluster().do(breakGlass, pod('workloads', {}, { name: 'old' }));
      await cluster().do(breakGlass, deployment('workloads', {}));
      await cluster().untilDenied(tenant, dryRun(pod('workloads')), account);
    });

    const old = `${paths.apps('workloads', 'deployments')}/old`;
    const onlyLimits = { limits: full.limits };
    const noLimit = { requests: full.requests, limits: { cpu: '10m' } };
    const withInit = spec(full, { initContainers: [container({ name: 'init' })] });
    const asked = { ...spec(full), automountServiceAccountToken: true };
    const { automountServiceAccountToken: _, ...unasked } = spec(full);
    tryEach(cluster, [
      ['a pod that says all', pod('workloads', spec(full)), 'allowed'],
      [
        'a pod without a ServiceAccount',
        pod('workloads', { ...spec(full), serviceAccountName: '' }),
        account,
      ],
      [
        'a pod of the default ServiceAccount',
        pod('workloads', { ...spec(full), serviceAccountName: 'default' }),
        account,
      ],
      ['a pod without resources', pod('workloads', spec(undefined)), missing('app: requests.cpu')],
      ['limits alone, from which requests follow', pod('workloads', spec(onlyLimits)), 'allowed'],
      ['a missing memory limit', pod('workloads', spec(noLimit)), missing('app: limits.memory')],
      ['an init container without resources', pod('workloads', withInit), missing('init: limits.cpu')],
      ["resources of the pod's own", pod('workloads', { ...spec(undefined), resources: full }), 'allowed'],
      ['a token that the pod asks for', pod('workloads', asked), 'allowed'],
      ['a token that is mounted by default', pod('workloads', unasked), token],
      [
        'a label on a pod in breach',
        mergePatch(`${paths.pods('workloads')}/old`, { metadata: { labels: { a: 'b' } } }),
        'allowed',
      ],
      ['scaling a Deployment in breach', mergePatch(old, { spec: { replicas: 1 } }), 'allowed'],
      [
        'a Deployment in breach with one container more',
        mergePatch(old, {
          spec: { template: { spec: { containers: [container(), container({ name: 'second' })] } } },
        }),
        missing('second: limits.cpu'),
      ],
      ...templates('workloads', spec(full)).map(
        ([kind, call]): Row => [`a ${kind} that says all`, call, 'allowed'],
      ),
      ...templates('workloads', spec(onlyLimits)).map(
        ([kind, call]): Row => [`a ${kind} with limits alone`, call, 'allowed'],
      ),
      ...templates('workloads', { ...spec(full), serviceAccountName: '' }).map(
        ([kind, call]): Row => [`a ${kind} without a ServiceAccount`, call, account],
      ),
      ...templates('workloads', spec(noLimit)).map(
        ([kind, call]): Row => [`a ${kind} without a memory limit`, call, missing('app: limits.memory')],
      ),
      ...templates('workloads', withInit).map(
        ([kind, call]): Row => [`a ${kind} with a bare init container`, call, missing('init: limits.cpu')],
      ),
      ...templates('workloads-defaulted', spec(undefined)).map(
        ([kind, call]): Row => [`a ${kind} whose resources the LimitRange will give`, call, 'allowed'],
      ),
      [
        'a pod where that LimitRange is not there yet',
        pod('workloads-defaulted', spec(undefined)),
        /baseline workloads-defaulted.*app: requests\.cpu/,
      ],
    ]);
  });
}
