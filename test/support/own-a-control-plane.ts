// Run as a process of its own by control-plane.test.ts, which kills it: starts a control plane, tells what is
// to be gone later, and stays up.
import { ControlPlane } from '../../tools/controlplane/control-plane.ts';

const controlPlane = await ControlPlane.start();
const pids = (['etcd', 'kube-apiserver', 'kube-controller-manager'] as const).map((component) =>
  controlPlane.pid(component),
);
process.stdout.write(`${JSON.stringify({ directory: controlPlane.directory, pids })}\n`);
