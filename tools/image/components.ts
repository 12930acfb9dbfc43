/** What an image holds of others, beside packages of npm. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A component, as an SBOM names it. */
export interface ImageComponent {
  readonly type: 'application' | 'library';
  readonly name: string;
  readonly version: string;
  /** https://github.com/package-url/purl-spec */
  readonly purl: string;
}

/** Node.js and the Debian packages, by what rootfs.ts has put into an image's root file system. */
export async function componentsOf(rootfs: string): Promise<readonly ImageComponent[]> {
  const node = (await readFile(join(rootfs, 'usr/share/doc/nodejs/VERSION'), 'utf8')).trim();
  const packages = join(rootfs, 'var/lib/dpkg/status.d');
  const names = (await readdir(packages).catch(() => [])).sort();
  return [
    { type: 'application', name: 'node', version: node, purl: `pkg:generic/node@${node}` },
    ...(await Promise.all(
      names.map(async (name): Promise<ImageComponent> => {
        const status = await readFile(join(packages, name), 'utf8');
        const field = (key: string): string => new RegExp(`^${key}: (.*)$`, 'm').exec(status)?.[1] ?? '';
        const version = field('Version');
        const query = `arch=${field('Architecture')}`;
        return {
          type: 'library',
          name,
          version,
          purl: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?${query}`,
        };
      }),
    )),
  ];
}
