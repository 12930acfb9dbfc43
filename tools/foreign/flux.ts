/** Flux's controllers and CRDs, and a program that judges objects as GitOps tools do. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDefect, cacheRoot, publish, withLock } from '../controlplane/cache.ts';
import { buildWithGo } from '../controlplane/go-build.ts';
import { Progress } from '../controlplane/progress.ts';
import { GoTool } from './go-tool.ts';

const execute = promisify(execFile);
/** Of what is not source-controller, which pins other versions of the same libraries. */
const moduleDirectory = join(import.meta.dirname, 'flux');

/** Fetches what is declared in git. */
export const sourceController = new GoTool({
  name: 'source-controller',
  package: 'github.com/fluxcd/source-controller',
});

/** Applies it, waits for its health, and prunes it. */
export const kustomizeController = new GoTool({
  name: 'kustomize-controller',
  package: 'github.com/fluxcd/kustomize-controller',
  module: 'flux',
});

/** Every CRD of the two, as their modules hold it: a controller does not start without those that it watches. */
const crdFiles: Readonly<Record<string, GoTool>> = {
  'kustomize.toolkit.fluxcd.io_kustomizations.yaml': kustomizeController,
  'source.toolkit.fluxcd.io_buckets.yaml': sourceController,
  'source.toolkit.fluxcd.io_gitrepositories.yaml': sourceController,
  'source.toolkit.fluxcd.io_helmcharts.yaml': sourceController,
  'source.toolkit.fluxcd.io_helmrepositories.yaml': sourceController,
  'source.toolkit.fluxcd.io_ocirepositories.yaml': sourceController,
};

/** Obtains the controllers and their CRDs: some minutes, once. */
export async function ensureFlux(signal?: AbortSignal): Promise<void> {
  await ensureFiles(crds(), signal);
  await kustomizeController.ensure({ signal });
  await sourceController.ensure({ signal });
}

/** Builds the program that judges objects. */
export async function ensureHealthJudge(signal?: AbortSignal): Promise<void> {
  await ensureFiles(await healthJudge(), signal);
}

/**
 * The paths of Flux's CRDs.
 *
 * @throws where they have not been obtained, naming the make target that does.
 */
export async function fluxCrds(): Promise<readonly string[]> {
  return await pathsOf(crds());
}

/**
 * The path of the program in flux/health: what GitOps tools make of an object.
 *
 * @throws where it has not been built, naming the make target that does.
 */
export async function healthJudgePath(): Promise<string> {
  const [path = ''] = await pathsOf(await healthJudge());
  return path;
}

/** Files that belong together in the cache. */
interface CachedFiles {
  readonly directory: string;
  readonly names: readonly string[];
  readonly fill: (staging: string, signal: AbortSignal | undefined) => Promise<void>;
}

function crds(): CachedFiles {
  return {
    directory: join(cacheRoot('flux-crds'), `${kustomizeController.version}-${sourceController.version}`),
    names: Object.keys(crdFiles),
    fill: async (staging, signal) => {
      for (const [name, tool] of Object.entries(crdFiles)) {
        const cwd = join(import.meta.dirname, tool === sourceController ? tool.name : 'flux');
        const args = ['list', '-m', '-f', '{{.Dir}}', `github.com/fluxcd/${tool.name}`];
        const { stdout } = await execute('go', args, { cwd, ...(signal ? { signal } : {}) });
        await copyFile(join(stdout.trim(), 'config/crd/bases', name), join(staging, name));
      }
    },
  };
}

/** Its version is what it is built from. */
async function healthJudge(): Promise<CachedFiles> {
  const name = 'health';
  const hash = createHash('sha256');
  for (const file of ['health/main.go', 'go.sum']) hash.update(await readFile(join(moduleDirectory, file)));
  return {
    directory: join(cacheRoot('gitops-health'), hash.digest('hex').slice(0, 12)),
    names: [name],
    fill: (staging, signal) =>
      buildWithGo({ moduleDirectory, packages: { [name]: './health' } }, staging, new Progress(), signal),
  };
}

async function ensureFiles(
  { directory, names, fill }: CachedFiles,
  signal: AbortSignal | undefined,
): Promise<void> {
  if ((await cacheDefect(directory, names)) === undefined) return;
  await withLock(
    `${directory}.lock`,
    async () => {
      if ((await cacheDefect(directory, names)) !== undefined) {
        await publish(directory, names, (staging) => fill(staging, signal));
      }
    },
    (owner) => console.error(`Waiting for process ${owner}, which fills ${directory}.`),
    signal,
  );
}

async function pathsOf({ directory, names }: CachedFiles): Promise<readonly string[]> {
  const defect = await cacheDefect(directory, names);
  if (defect !== undefined) throw new Error(`${directory} is not there (${defect}): run make foreign`);
  return names.map((name) => join(directory, name));
}
