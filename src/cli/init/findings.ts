/** What the cluster tells about itself before there is a baseline. */
import type { KubernetesObject } from '../../api/objects.ts';
import { dnsServices } from '../../baseline/peers/dns.ts';
import { systemNamespaces } from '../../baseline/selection.ts';
import type { ClusterReader } from '../cluster/cluster-reader.ts';
import { resources } from '../cluster/resources.ts';

/** A network plugin, and what it does with NetworkPolicies. */
export interface NetworkPlugin {
  readonly name: string;
  readonly enforces: 'yes' | 'no' | 'if enabled';
}

/** What was found. */
export interface Findings {
  /** The DNS Service, such as `kube-system/kube-dns`. */
  readonly dns: string | undefined;
  readonly plugins: readonly NetworkPlugin[];
  /** Beside those of the cluster itself. */
  readonly namespaces: readonly string[];
  /** Labels that several namespaces share, most first: what a selector could go by. */
  readonly labels: readonly { readonly label: string; readonly namespaces: number }[];
  readonly gateways: readonly string[];
  readonly monitoring: readonly string[];
}

/** DaemonSets by which network plugins are known. */
const pluginsByDaemonSet: Readonly<Record<string, NetworkPlugin>> = {
  'calico-node': { name: 'Calico', enforces: 'yes' },
  canal: { name: 'Canal', enforces: 'yes' },
  cilium: { name: 'Cilium', enforces: 'yes' },
  anetd: { name: 'GKE Dataplane V2', enforces: 'yes' },
  'antrea-agent': { name: 'Antrea', enforces: 'yes' },
  'kube-router': { name: 'kube-router', enforces: 'yes' },
  'weave-net': { name: 'Weave Net', enforces: 'yes' },
  'kube-ovn-cni': { name: 'Kube-OVN', enforces: 'yes' },
  'ovnkube-node': { name: 'OVN-Kubernetes', enforces: 'yes' },
  'azure-npm': { name: 'Azure Network Policy Manager', enforces: 'yes' },
  kindnet: { name: 'kindnet', enforces: 'yes' },
  'aws-node': { name: 'Amazon VPC CNI', enforces: 'if enabled' },
  'kube-flannel-ds': { name: 'Flannel', enforces: 'no' },
};

const gatewayNames = /ingress|gateway|traefik|istio-system|contour|kong|haproxy/;
const monitoringNames = /monitoring|prometheus|observability|metrics/;

/** Labels that tools put on every namespace, and that say nothing of what it is for. */
const meaninglessLabels =
  /^(kubernetes\.io\/metadata\.name|app\.kubernetes\.io\/.*|pod-security\.kubernetes\.io\/.*)$/;

/** Looks around, as far as the user may. */
export async function lookAround(reader: ClusterReader): Promise<Findings> {
  const consequence = 'what it would tell has to be given by flags';
  const [namespaces, daemonSets, ...services] = await Promise.all([
    reader.read({ resource: resources.Namespace, consequence, project: (object) => object }),
    reader.read({ resource: resources.DaemonSet, consequence, project: ({ metadata }) => metadata.name }),
    ...dnsServices.map(({ namespace, name }) =>
      reader.read({
        resource: resources.Service,
        selection: { namespace, fieldSelector: `metadata.name=${name}` },
        consequence,
        project: ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
      }),
    ),
  ]);
  const own = namespaces.items.filter(({ metadata }) => !systemNamespaces.includes(metadata.name));
  const names = own.map(({ metadata }) => metadata.name).sort();
  const plugins = new Map(
    daemonSets.items.flatMap((name) => {
      const plugin = Object.hasOwn(pluginsByDaemonSet, name) ? pluginsByDaemonSet[name] : undefined;
      return plugin === undefined ? [] : [[plugin.name, plugin] as const];
    }),
  );
  return {
    dns: services.flatMap(({ items }) => items)[0],
    plugins: [...plugins.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    namespaces: names,
    labels: sharedLabels(own),
    gateways: names.filter((name) => gatewayNames.test(name)),
    monitoring: names.filter((name) => monitoringNames.test(name)),
  };
}

function sharedLabels(namespaces: readonly KubernetesObject[]): Findings['labels'] {
  const counts = new Map<string, number>();
  for (const { metadata } of namespaces) {
    for (const [key, value] of Object.entries(metadata.labels ?? {})) {
      if (meaninglessLabels.test(key)) continue;
      const label = `${key}=${value}`;
      counts.set(label, (counts.get(label) ?? 0) + 1);
    }
  }
  return [...counts]
    .map(([label, count]) => ({ label, namespaces: count }))
    .sort((a, b) => b.namespaces - a.namespaces || (a.label < b.label ? -1 : 1));
}

/** The findings for people, a line each. */
export function findingLines({ dns, plugins, namespaces, labels }: Findings): readonly string[] {
  const plugin = plugins.map(({ name, enforces }) =>
    enforces === 'yes'
      ? `${name} (enforces NetworkPolicies)`
      : enforces === 'no'
        ? `${name} (does NOT enforce NetworkPolicies: they would have no effect)`
        : `${name} (enforces NetworkPolicies only if that is enabled: check it)`,
  );
  return [
    `DNS: ${dns === undefined ? 'not found; give allow.dns a namespace and podSelector' : `Service ${dns}`}`,
    `Network plugin: ${plugin.length === 0 ? 'not recognised; check that it enforces NetworkPolicies' : plugin.join(', ')}`,
    `Namespaces beside the cluster's own: ${namespaces.length}`,
    ...(labels.length > 0
      ? [
          `Labels they share: ${labels
            .slice(0, 5)
            .map(({ label, namespaces: count }) => `${label} (${count})`)
            .join(', ')}`,
        ]
      : []),
  ];
}
