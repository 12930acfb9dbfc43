import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { versionStamp } from '../controlplane/build.ts';
import { GoTool } from './go-tool.ts';

/** kubectl, with the kustomize that is in it, of the control plane's own version and from the same Go module. */
export const kubectl = new GoTool({
  name: 'kubectl',
  package: 'k8s.io/kubernetes/cmd/kubectl',
  module: '../controlplane/build',
  ldflags: versionStamp,
});

/** What this kubectl would apply from a folder by `apply -k`, as YAML. */
export async function kustomized(program: string, folder: string): Promise<string> {
  const options = { maxBuffer: 64 * 1024 * 1024 };
  return (await promisify(execFile)(program, ['kustomize', folder], options)).stdout;
}
