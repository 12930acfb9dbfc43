/** Makes a release: `make release`, or `make release IMAGE_REPOSITORY=registry.example.com/security-baseline-operator`. */
import { join, relative } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { buildImage, imageArchive } from '../image/build.ts';
import { sourceDate } from '../image/source-date.ts';
import { assembleRelease } from './release.ts';

const directory = join(import.meta.dirname, '../../dist/release', packageJson.version);
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());

try {
  const timestamp = await sourceDate();
  await buildImage({
    archive: imageArchive,
    timestamp,
    buildImage: process.env.BUILD_IMAGE || undefined,
    signal: interrupt.signal,
  });
  const imageRepository = process.env.IMAGE_REPOSITORY || undefined;
  const files = await assembleRelease({ directory, image: imageArchive, imageRepository, timestamp });
  console.log(`${relative(process.cwd(), directory)}:\n${files.map((file) => `  ${file}`).join('\n')}`);
} catch (error) {
  console.error(interrupt.signal.aborted ? 'Interrupted.' : error instanceof Error ? error.message : error);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
}
