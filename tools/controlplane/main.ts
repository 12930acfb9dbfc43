import { once } from 'node:events';
import { findBinaries } from './binaries.ts';
import { ControlPlane } from './control-plane.ts';
import { Progress } from './progress.ts';
import { kubernetesVersion } from './version.ts';

const usage = `
A real Kubernetes ${kubernetesVersion()} control plane on this machine, for development.

Usage: node tools/controlplane/main.ts COMMAND

Commands:
  start             Start etcd, kube-apiserver and kube-controller-manager on
                    free ports of 127.0.0.1 and stay up until Ctrl-C. Nothing
                    is left behind. There are no nodes: pods stay Pending.
  ensure-binaries   Find or obtain the binaries, and say where they are.

The binaries are looked for in this order:
  1. the directory named by KUBEBUILDER_ASSETS, when it holds all three
  2. the cache: $XDG_CACHE_HOME (or ~/.cache)/security-baseline-operator
  3. a download (envtest archive, Kubernetes release), checksum verified
  4. a build with Go from the module proxy: about five minutes, once
`.trim();

/** Runs a command and returns the exit code: 0 done, 1 failed, 2 not understood, 130 interrupted. */
async function main(args: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
  const [command, ...rest] = args;
  try {
    if (command === '--help' || command === '-h' || command === 'help') {
      console.log(usage);
      return 0;
    }
    if (command === 'ensure-binaries' && rest.length === 0) {
      const binaries = await findBinaries({ progress: new Progress(), signal: interrupt.signal });
      for (const path of Object.values(binaries)) console.log(path);
      return 0;
    }
    if (command === 'start' && rest.length === 0) return await start(interrupt.signal);
  } catch (error) {
    if (interrupt.signal.aborted) return 130;
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
  console.error(`Unknown: ${args.join(' ') || '(no command)'}\n\n${usage}`);
  return 2;
}

async function start(signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  await using controlPlane = await ControlPlane.start({ auditLevel: 'Metadata', signal });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`Kubernetes ${kubernetesVersion()} is up at ${controlPlane.serverUrl} (${seconds} s).

  export KUBECONFIG=${controlPlane.adminKubeconfig}
  kubectl get namespaces
  kubectl apply -f crds/
  tail -f ${controlPlane.logPath('kube-apiserver')}

Ctrl-C stops it and removes ${controlPlane.directory}.`);
  if (!signal.aborted) await once(signal, 'abort');
  console.log('\nStopping.');
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
