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
  console.log(`${relative(process.cwd(), imageArchive)}: ${imageName}, ${Math.round(size / 1e6)} MB as an OCI archive.

  podman load --input ARCHIVE                                        into podman
  skopeo copy oci-archive:ARCHIVE docker://REGISTRY/${imageName}   into a registry
  ctr --namespace k8s.io images import ARCHIVE                       onto a node`);
} catch (error) {
  console.error(interrupt.signal.aborted ? 'Interrupted.' : error instanceof Error ? error.message : error);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
}
