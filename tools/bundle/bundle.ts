/** Makes one file of a program and all that it imports. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { thirdPartyLicences } from './licences.ts';

const root = join(import.meta.dirname, '../..');

/** Some dependencies are CommonJS and ask for modules of Node.js by require. */
const requireOfBundle =
  "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);";

/** What to bundle, and where to. Paths are relative to the repository. */
export interface BundleOptions {
  readonly entryPoint: string;
  readonly outfile: string;
  /** The oldest Node.js that it has to run on, such as `node22`. */
  readonly target: string;
  /** Runs before anything else does. */
  readonly prologue?: string;
  /** Written for people to start by its name. */
  readonly executable?: boolean;
}

/**
 * Writes an ES module that needs nothing but Node.js, and beside it `<outfile>.licences.txt`, with the licences of what it holds. It is
 * not minified: stack traces name functions, and a comment in the file says which source each part is from. The
 * same sources give the same bytes.
 */
export async function bundle(options: BundleOptions): Promise<void> {
  const { entryPoint, target, prologue, executable = false } = options;
  const outfile = join(root, options.outfile);
  await mkdir(dirname(outfile), { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entryPoint],
    outfile,
    bundle: true,
    platform: 'node',
    target,
    format: 'esm',
    banner: { js: [requireOfBundle, prologue].filter(Boolean).join('\n') },
    plugins: [namedExportsForRequire],
    // All of them, whether a comment asks for it or not, are in a file of their own.
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  await writeFile(`${outfile}.licences.txt`, await thirdPartyLicences(root, Object.keys(metafile.inputs)));
  if (executable) await chmod(outfile, 0o755);
}

const clientNode = '@kubernetes/client-node';

/**
 * Of an ES module that CommonJS requires, a bundler has to take all, since it cannot see what is used: all of the API's generated
 * clients, 12 MiB. `@dot-i/k8s-operator` is such CommonJS, and its text shows which few names it uses; it gets those.
 */
const namedExportsForRequire: Plugin = {
  name: 'named-exports-for-require',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^${clientNode}$`) }, ({ kind, importer, resolveDir }) =>
      kind === 'require-call'
        ? { path: importer, namespace: 'named-exports', pluginData: resolveDir }
        : undefined,
    );
    build.onLoad({ filter: /./, namespace: 'named-exports' }, async ({ path, pluginData }) => ({
      contents: `export { ${namesUsed(await readFile(path, 'utf8'), path).join(', ')} } from '${clientNode}';`,
      resolveDir: pluginData as string,
    }));
  },
};

/** The exports of client-node that a CommonJS module uses, as TypeScript has compiled it. */
function namesUsed(text: string, path: string): readonly string[] {
  const requires = text.matchAll(
    new RegExp(`const (\\w+) = (?:\\w+\\()?require\\("${clientNode}"\\)\\)?;`, 'g'),
  );
  const names = Array.from(requires).flatMap(([, variable]) =>
    Array.from(text.matchAll(new RegExp(`(?<![\\w.])${variable}\\.(\\w+)`, 'g')), ([, name = '']) => name),
  );
  if (names.length === 0) throw new Error(`${path} requires ${clientNode} in a way that is not understood`);
  return [...new Set(names)].sort();
}
