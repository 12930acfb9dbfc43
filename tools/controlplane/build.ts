import type { BinaryName } from './cache.ts';
import { buildWithGo } from './go-build.ts';
import type { Progress } from './progress.ts';
import { buildModuleDirectory, kubernetesVersion } from './version.ts';

const packages: Record<BinaryName, string> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
};

/**
 * Builds the named binaries into a directory: about five minutes on two cores, a few seconds when Go's own
 * build cache is warm.
 *
 * @throws when Go is missing or the build fails, with what to do about it.
 */
export async function buildBinaries(
  names: readonly BinaryName[],
  directory: string,
  progress: Progress,
  signal?: AbortSignal,
): Promise<void> {
  progress.say(`Building ${names.join(', ')}\n${kubernetesVersion()} with Go: about five minutes, once.`);
  const build = {
    moduleDirectory: buildModuleDirectory,
    packages: Object.fromEntries(names.map((name) => [name, packages[name]])),
    ldflags: versionStamp(),
    otherwise:
      'or point KUBEBUILDER_ASSETS at a directory that holds etcd, kube-apiserver and\nkube-controller-manager.',
  };
  await buildWithGo(build, directory, progress, signal);
}

/**
 * What tells a program of k8s.io/kubernetes its version. An API server that does not know it serves v0.0.0, and clients that check
 * it refuse it.
 */
export function versionStamp(): readonly string[] {
  const version = kubernetesVersion();
  const [major, minor] = version.split('.');
  const variables = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor };
  return Object.entries(variables).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
}
