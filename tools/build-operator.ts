/** Bundles the operator into one file, for the image: dist/security-baseline-operator.mjs. */
import { bundle } from './bundle/bundle.ts';

await bundle({
  entryPoint: 'src/main.ts',
  outfile: 'dist/security-baseline-operator.mjs',
  target: 'node26',
});
