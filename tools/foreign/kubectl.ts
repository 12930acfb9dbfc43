import { versionStamp } from '../controlplane/build.ts';
import { GoTool } from './go-tool.ts';

/** kubectl, with the kustomize that is in it, of the control plane's own version and from the same Go module. */
export const kubectl = new GoTool({
  name: 'kubectl',
  package: 'k8s.io/kubernetes/cmd/kubectl',
  module: '../controlplane/build',
  ldflags: versionStamp,
});
