import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The Go module that pins the control plane and from which its binaries are built. */
export const buildModuleDirectory = join(import.meta.dirname, 'build');

/**
 * The pinned Kubernetes version without its leading `v`, such as `1.36.3`. It is read from the Go module, so
 * that what is downloaded, what is built and what the cache directory is called cannot drift apart.
 */
export function kubernetesVersion(): string {
  const goMod = readFileSync(join(buildModuleDirectory, 'go.mod'), 'utf8');
  const version = /^\s*k8s\.io\/kubernetes v(\d+\.\d+\.\d+)/m.exec(goMod)?.[1];
  if (version === undefined) {
    throw new Error(`${buildModuleDirectory}/go.mod does not require k8s.io/kubernetes at a release version`);
  }
  return version;
}
