/** A base for building the image where no registry can be reached: Debian packages, and the Node.js that package.json pins. */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { answer, run, runInNamespaces } from '../foreign/run.ts';
import type { Buildah } from './buildah.ts';

/** The release that debootstrap installs. Its libc is that of the image. */
const suite = 'trixie';
const packages = ['binutils', 'ca-certificates', 'libatomic1', 'libstdc++6'];
const mirror = 'http://deb.debian.org/debian';
const securityMirror = 'http://deb.debian.org/debian-security';
/** Where the machine keeps the authorities that it trusts; its network may have one of its own. */
const authorities = '/etc/ssl/certs/ca-certificates.crt';

const nodeVersion = packageJson.devDependencies.node;
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Names what is in it, so that another version of anything is another base. */
export function localBaseName(): string {
  return `localhost/security-baseline-operator-base:${suite}-node${nodeVersion}-${process.arch}-1`;
}

/**
 * Makes the base in this storage, unless it is there: about two minutes, once.
 *
 * @returns its name.
 * @throws when this process is not root, since debootstrap has to be.
 */
export async function ensureLocalBase(buildah: Buildah, signal?: AbortSignal): Promise<string> {
  const name = localBaseName();
  if (await buildah.has(name)) return name;
  console.error(`Making a base of Debian packages and Node.js ${nodeVersion}: about two minutes, once.`);
  await mkdir(dirname(buildah.storage), { recursive: true });
  const work = await mkdtemp(`${buildah.storage}.partial-`);
  try {
    const rootfs = join(work, 'rootfs');
    await installDebian(rootfs, signal);
    await installNode(rootfs, signal);
    const tar = ['--create', '--numeric-owner', '--exclude=./dev/*', '--file', join(work, 'rootfs.tar')];
    await run('tar', [...tar, '--directory', rootfs, '.'], { signal });
    await writeFile(
      join(work, 'Containerfile'),
      'FROM scratch\nADD rootfs.tar /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n',
    );
    await buildah.build({ context: work, file: 'Containerfile', name, signal });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return name;
}

async function installDebian(rootfs: string, signal: AbortSignal | undefined): Promise<void> {
  const architecture = architectures[process.arch];
  if (architecture === undefined) throw new Error(`no base for ${process.arch}`);
  const environment = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8', TZ: 'UTC' };
  const inside = async (command: string, ...args: readonly string[]): Promise<void> => {
    await runInNamespaces(command, args, { environment, signal, quiet: true });
  };
  const choice = [`--arch=${architecture}`, '--variant=minbase', `--include=${packages.join(',')}`];
  await inside('debootstrap', ...choice, suite, rootfs, mirror);
  // What has been mended since the last point release, too.
  const sources = [`deb ${mirror} ${suite} main`, `deb ${securityMirror} ${suite}-security main`];
  await writeFile(join(rootfs, 'etc/apt/sources.list'), `${sources.join('\n')}\n`);
  await inside('chroot', rootfs, 'apt-get', '-q', 'update');
  await inside('chroot', rootfs, 'apt-get', '-q', '-y', 'upgrade');
  await inside('chroot', rootfs, 'apt-get', 'clean');
}

/** Node.js and npm as packages of npm; the one that package.json pins, and the one that this machine has. */
async function installNode(rootfs: string, signal: AbortSignal | undefined): Promise<void> {
  const prefix = join(rootfs, 'usr/local');
  const npmVersion = await answer('npm', '--version');
  if (npmVersion === undefined) throw new Error('npm is missing');
  const names = [`node-linux-${process.arch}@${nodeVersion}`, `npm@${npmVersion}`];
  const flags = [
    '--global',
    '--prefix',
    prefix,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  await run('npm', ['install', ...flags, ...names], { signal });
  const registry = await answer('npm', 'config', 'get', 'registry');
  const settings = [`registry=${registry}`, `cafile=${authorities}`, 'update-notifier=false'];
  await writeFile(join(prefix, 'lib/node_modules/npm/npmrc'), `${settings.join('\n')}\n`);
  if ((await readFile(authorities).catch(() => undefined)) !== undefined) {
    await copyFile(authorities, join(rootfs, authorities));
  }
}
