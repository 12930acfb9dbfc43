/**
 * The CRDs of the Prometheus operator, to hold our monitors and rules to. They are files of its Go module, which Go fetches, verifies by
 * go.sum and keeps.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const module = 'github.com/prometheus-operator/prometheus-operator';
const directory = join(import.meta.dirname, 'prometheus-operator');

/** The plural names of those that are used here. */
const kinds = ['prometheusrules', 'servicemonitors', 'podmonitors'] as const;

/** Fetches them, unless Go has them already. */
export async function ensurePrometheusOperatorCrds(signal?: AbortSignal): Promise<void> {
  await download({ ...process.env }, signal);
}

/**
 * The paths of the CRDs' files, for a test: nothing is fetched.
 *
 * @throws where they are not there, naming the make target that fetches them.
 */
export async function prometheusOperatorCrds(): Promise<readonly string[]> {
  const folder = await download({ ...process.env, GOPROXY: 'off' }).catch((error: unknown) => {
    throw new Error('the CRDs of the Prometheus operator are not there: run make foreign', { cause: error });
  });
  return kinds.map((kind) =>
    join(folder, `example/prometheus-operator-crd/monitoring.coreos.com_${kind}.yaml`),
  );
}

async function download(env: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<string> {
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', module], {
    cwd: directory,
    env,
    ...(signal && { signal }),
  });
  return (JSON.parse(stdout) as { readonly Dir: string }).Dir;
}
