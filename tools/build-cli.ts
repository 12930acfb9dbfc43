/**
 * Bundles kubectl-baseline into one file that needs nothing but Node.js: dist/kubectl-baseline. It runs on older versions
 * than the sources do, since people have what they have.
 */
import { chmod } from 'node:fs/promises';
import { build } from 'esbuild';

const root = new URL('../', import.meta.url).pathname;
const outfile = `${root}dist/kubectl-baseline`;

await build({
  entryPoints: [`${root}src/cli/main.ts`],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'esm',
  // Some dependencies are CommonJS and ask for modules of Node.js by require.
  banner: {
    js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
  },
  minifySyntax: true,
  legalComments: 'linked',
  logLevel: 'warning',
});
await chmod(outfile, 0o755);
