/** Builds the image: `make image`. */
import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { buildImage, imageArchive, imageName } from './build.ts';
import { sourceDate } from './source-date.ts';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());

try {
  await buildImage({
    archive: imageArchive,
    timestamp: await sourceDate(),
    buildImage: process.env.BUILD_IMAGE || undefined,
    signal: interrupt.signal,
  });
  const { size } = await stat(imageArchive);
  const file = relative(process.cwd(), imageArchive);
  console.log(`${file}: ${imageName}, ${Math.round(size / 1e6)} MB as an OCI archive.

  podman load --input ${file}
  skopeo copy oci-archive:${file} docker://REGISTRY/${imageName}
  ctr --namespace k8s.io images import ${file}`);
} catch (error) {
  console.error(interrupt.signal.aborted ? 'Interrupted.' : error instanceof Error ? error.message : error);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
}
