/**
 * Lays out the root file system of the image, in the build stage: node tools/image/rootfs.ts FOLDER. It holds Node.js, the shared
 * libraries that it loads, the operator and kubectl-baseline as one file each, and the licences of all of it. Nothing
 * in it can be changed by whom it runs as.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const repository = join(import.meta.dirname, '../..');
const readable = 0o444;
const executable = 0o555;

/** A file of the root file system: where it goes, and what it is a copy of or what it says. */
type Entry =
  | { readonly path: string; readonly from: string; readonly mode?: number }
  | { readonly path: string; readonly text: string };

function layOut(rootfs: string): void {
  const node = process.execPath;
  const libraries = librariesOf(node);
  const entries: readonly Entry[] = [
    { path: '/usr/local/bin/node', from: node, mode: executable },
    ...libraries.map((path) => ({ path, from: realpathSync(path), mode: executable })),
    ...['security-baseline-operator.mjs', 'kubectl-baseline'].flatMap((name) => [
      { path: `/app/${name}`, from: join(repository, 'dist', name) },
      {
        path: `/usr/share/doc/security-baseline-operator/${name}.licences.txt`,
        from: join(repository, 'dist', `${name}.licences.txt`),
      },
    ]),
    { path: '/usr/share/doc/security-baseline-operator/LICENSE', from: join(repository, 'LICENSE') },
    { path: '/usr/share/doc/nodejs/LICENSE', from: nodeLicence(node) },
    { path: '/usr/share/doc/nodejs/VERSION', text: `${process.versions.node}\n` },
    ...packagesOf(libraries).flatMap(documentationOf),
    // Who 65532 is, and that names are looked up in /etc/hosts before they are asked of the DNS.
    { path: '/etc/passwd', text: 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n' },
    { path: '/etc/group', text: 'nonroot:x:65532:\n' },
    { path: '/etc/nsswitch.conf', text: 'hosts: files dns\n' },
  ];
  for (const entry of entries) place(rootfs, entry);
  // A fifth of what is distributed: its symbols and debug information.
  execFileSync('strip', [join(rootfs, 'usr/local/bin/node')], { stdio: 'inherit' });
  seal(rootfs, Number(process.env.SOURCE_DATE_EPOCH ?? 0));
}

/** The libraries that a program is loaded with and what loads them, as paths. */
function librariesOf(program: string): readonly string[] {
  const listing = execFileSync('ldd', [program], { encoding: 'utf8' });
  const missing = /^\s*(.*) => not found$/m.exec(listing);
  if (missing !== null) throw new Error(`${program} needs ${missing[1]}, which is not there`);
  return Array.from(listing.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x/gm), ([, path = '']) => path).sort();
}

function nodeLicence(node: string): string {
  const candidates = ['LICENSE', 'share/doc/nodejs/LICENSE'].map((path) => join(dirname(node), '..', path));
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`no licence of Node.js: neither of ${candidates.join(', ')}`);
  return found;
}

/** The Debian packages that files are from, sorted; none where the build image is not made of such. */
function packagesOf(files: readonly string[]): readonly string[] {
  if (!existsSync('/var/lib/dpkg/status')) return [];
  const owner = (path: string): string | undefined => {
    try {
      const lines = execFileSync('dpkg-query', ['--search', path], { encoding: 'utf8', stdio: 'pipe' });
      // Lines such as `libc6:amd64: /lib/...`, and others about files that one package has put aside for another.
      return /^([a-z0-9][a-z0-9.+-]*)(?::\w+)?: /m.exec(lines)?.[1];
    } catch {
      return undefined;
    }
  };
  return [
    ...new Set(
      files.map((file) => {
        // Where /lib is a link to /usr/lib, dpkg knows a file by one of its two names.
        const found = owner(file) ?? owner(realpathSync(file));
        if (found === undefined) throw new Error(`${file} is from no package`);
        return found;
      }),
    ),
  ].sort();
}

/** The licence of a Debian package, and what scanners for vulnerabilities read, in the way of other images without dpkg. */
function documentationOf(name: string): readonly Entry[] {
  return [
    {
      path: `/usr/share/doc/${name}/copyright`,
      from: realpathSync(`/usr/share/doc/${name}/copyright`),
    },
    {
      path: `/var/lib/dpkg/status.d/${name}`,
      text: execFileSync('dpkg-query', ['--status', name], { encoding: 'utf8' }),
    },
  ];
}

function place(rootfs: string, entry: Entry): void {
  const path = join(rootfs, entry.path);
  mkdirSync(dirname(path), { recursive: true });
  if ('text' in entry) writeFileSync(path, entry.text, { mode: readable });
  else {
    copyFileSync(entry.from, path);
    chmodSync(path, entry.mode ?? readable);
  }
}

/** Takes write permission from folders and gives all the same time, so that the same content is the same layer. */
function seal(folder: string, seconds: number): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) seal(path, seconds);
    else lutimesSync(path, seconds, seconds);
  }
  chmodSync(folder, executable);
  lutimesSync(folder, seconds, seconds);
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('say where to');
layOut(folder);
