import { describe, expect, it } from 'vitest';
import { formatAmount } from '../../../../src/cli/check/amount-text.ts';
import { baseline, checkText, deployment, messagesOf, object, pod } from './check-text.ts';

function quota(hard: string, rest = ''): string {
  return baseline(`resourceQuotas: [{ name: q, spec: { hard: { ${hard} }${rest} } }]`);
}

const container = (resources: string) => `{ name: app, resources: { ${resources} } }`;

async function shortages(text: string): Promise<readonly string[]> {
  return messagesOf(await checkText(text), 'SB501').map((message) =>
    message.replace('quota tenant.q gives namespace shop ', ''),
  );
}

describe('quota fit', () => {
  it('sums over objects and replicas, and says what is short and who takes most', async () => {
    const one = `containers: [${container('requests: { cpu: 300m, memory: 1Gi }')}]`;
    const text =
      quota('requests.cpu: "1", requests.memory: 3Gi, pods: "5"') +
      deployment(3, one, 'big') +
      deployment(1, one, 'small');
    expect(await shortages(text)).toEqual([
      'requests.cpu 1, the manifests take 1200m: 200m short (Deployment big 900m, Deployment small 300m)',
      'requests.memory 3Gi, the manifests take 4Gi: 1Gi short (Deployment big 3Gi, Deployment small 1Gi)',
    ]);
  });

  it('counts init containers by their peak, and sidecars throughout', async () => {
    const spec = (init: string) =>
      `initContainers: [${init}], containers: [${container('requests: { cpu: 500m }')}]`;
    const init = '{ name: i, resources: { requests: { cpu: 800m } } }';
    const sidecar = '{ name: s, restartPolicy: Always, resources: { requests: { cpu: 400m } } }';
    const given = quota('cpu: 850m');
    expect(await shortages(given + pod(spec(init)))).toEqual([]);
    expect(await shortages(given + pod(spec(sidecar)))).toEqual([expect.stringContaining('take 900m')]);
    // The sidecar runs already while the init container does.
    expect(await shortages(given + pod(spec(`${sidecar}, ${init}`)))).toEqual([
      expect.stringContaining('take 1200m'),
    ]);
  });

  it("takes a pod's own resources, overhead, and requests from limits and LimitRanges", async () => {
    const given = quota('requests.cpu: 100m, limits.memory: 1Mi');
    const ownResources = `resources: { requests: { cpu: 1 } }, overhead: { cpu: 50m }, containers: [${container('limits: { cpu: 2 }')}]`;
    expect(await shortages(given + pod(ownResources))).toEqual([expect.stringContaining('take 1050m')]);
    const ranges =
      'limitRanges: [{ name: l, spec: { limits: [{ type: Container, default: { cpu: 300m, memory: 2Mi } }] } }]';
    const defaulted = baseline(
      `resourceQuotas: [{ name: q, spec: { hard: { requests.cpu: 100m, limits.memory: 1Mi } } }], ${ranges}`,
    );
    expect(await shortages(defaulted + pod('containers: [{ name: a }]'))).toEqual([
      expect.stringContaining('limits.memory 1Mi, the manifests take 2Mi'),
      expect.stringContaining('requests.cpu 100m, the manifests take 300m'),
    ]);
  });

  it('counts objects, Services by type, and claims also of StatefulSets', async () => {
    const claim = '{ spec: { storageClassName: fast, resources: { requests: { storage: 1Gi } } } }';
    const given = quota(
      'count/configmaps: 0, configmaps: "0", services.nodeports: "1", services.loadbalancers: "0", requests.storage: 2Gi, persistentvolumeclaims: "2", fast.storageclass.storage.k8s.io/requests.storage: 1Gi, slow.storageclass.storage.k8s.io/requests.storage: "0", count/deployments.apps: "0", count/ingresses.networking.k8s.io: "0", count/networkpolicies.networking.k8s.io: "0"',
    );
    const text =
      given +
      object('v1', 'ConfigMap', 'data: {}') +
      object('v1', 'Service', 'spec: { type: LoadBalancer, ports: [{ port: 1 }, { port: 2 }] }') +
      object('apps/v1', 'StatefulSet', `spec: { replicas: 3, volumeClaimTemplates: [${claim}] }`) +
      object('networking.k8s.io/v1', 'Ingress', 'spec: {}') +
      object('networking.k8s.io/v1', 'NetworkPolicy', 'spec: { podSelector: {} }') +
      deployment(1, 'containers: []');
    expect((await shortages(text)).map((message) => message.split(' ', 1)[0]).sort()).toEqual([
      'configmaps',
      'count/configmaps',
      'count/deployments.apps',
      'count/ingresses.networking.k8s.io',
      'count/networkpolicies.networking.k8s.io',
      'fast.storageclass.storage.k8s.io/requests.storage',
      'persistentvolumeclaims',
      'requests.storage',
      'services.loadbalancers',
      'services.nodeports',
    ]);
  });

  it('counts only pods in the scopes of the quota', async () => {
    const spec = `containers: [${container('requests: { cpu: 1 }')}]`;
    const cases = [
      [', scopes: [BestEffort]', spec, false],
      [', scopes: [BestEffort]', 'containers: [{ name: a }]', true],
      [', scopes: [NotBestEffort]', spec, true],
      [', scopes: [Terminating]', spec, false],
      [', scopes: [Terminating]', `activeDeadlineSeconds: 1, ${spec}`, true],
      [', scopes: [NotTerminating]', spec, true],
      [
        ', scopeSelector: { matchExpressions: [{ scopeName: PriorityClass, operator: In, values: [high] }] }',
        spec,
        false,
      ],
      [
        ', scopeSelector: { matchExpressions: [{ scopeName: PriorityClass, operator: In, values: [high] }] }',
        `priorityClassName: high, ${spec}`,
        true,
      ],
      // What only the cluster can tell is not guessed.
      [', scopes: [CrossNamespacePodAffinity]', spec, false],
    ] as const;
    for (const [scopes, podSpec, isCounted] of cases) {
      expect((await shortages(quota('pods: "0"', scopes) + pod(podSpec))).length, scopes + podSpec).toBe(
        isCounted ? 1 : 0,
      );
    }
  });

  it('counts Jobs by how many pods run at once', async () => {
    const job = (spec: string) => object('batch/v1', 'Job', `spec: { ${spec}, template: { spec: {} } }`);
    const given = quota('pods: "2"');
    expect(await shortages(given + job('parallelism: 3'))).toHaveLength(1);
    expect(await shortages(given + job('parallelism: 3, completions: 2'))).toHaveLength(0);
  });
});

describe('formatAmount', () => {
  it.each([
    [0n, '0'],
    [1_000_000_000n, '1'],
    [1_500_000_000n, '1500m'],
    [1_000_000_000n * 1024n ** 3n, '1Gi'],
    [1_000_000_000n * 1536n * 1024n ** 2n, '1536Mi'],
    [1n, '1m'],
  ])('writes %s billionths as %s', (amount, text) => {
    expect(formatAmount(amount)).toBe(text);
  });
});
