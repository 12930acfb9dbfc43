/**
 * Bundles kubectl-baseline into one file that needs nothing but Node.js: dist/kubectl-baseline. It runs on older versions
 * than the sources do, since people have what they have.
 */
import { bundle } from './bundle/bundle.ts';

await bundle({
  entryPoint: 'src/cli/main.ts',
  outfile: 'dist/kubectl-baseline',
  target: 'node22',
  // What a dependency says of an old version is hard to read.
  prologue: [
    "if (Number(process.versions.node.split('.')[0]) < 22) {",
    "  console.error('kubectl-baseline needs Node.js 22.7 or newer; this is ' + process.version);",
    '  process.exit(1);',
    '}',
  ].join('\n'),
  executable: true,
});
