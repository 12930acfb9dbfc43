/**
 * Bundles kubectl-baseline into one file that needs nothing but Node.js: dist/kubectl-baseline. It runs on older versions
 * than the sources do, since people have what they have.
 */
import { chmod } from 'node:fs/promises';
import { build } from 'esbuild';

const root = new URL('../', import.meta.url).pathname;
const outfile = `${root}dist/kubectl-baseline`;

/** Some dependencies are CommonJS and ask for modules of Node.js by require. */
const requireOfBundle =
  "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);";

/** Before anything else runs: what a dependency says of an old version is hard to read. */
const refuseOldNode = [
  "if (Number(process.versions.node.split('.')[0]) < 22) {",
  "  console.error('kubectl-baseline needs Node.js 22.7 or newer; this is ' + process.version);",
  '  process.exit(1);',
  '}',
].join('\n');

await build({
  entryPoints: [`${root}src/cli/main.ts`],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'esm',
  banner: { js: [requireOfBundle, refuseOldNode].join('\n') },
  minifySyntax: true,
  legalComments: 'linked',
  logLevel: 'warning',
});
await chmod(outfile, 0o755);
