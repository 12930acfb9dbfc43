/** The licences of other people's code that is inside a bundle. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly author?: string | { readonly name: string };
}

const rule = '-'.repeat(80);

/**
 * A text that names each package of npm that a bundle's inputs are from, with its version and the licence texts and notices that it
 * comes with.
 *
 * @throws when a package comes without a licence text and names no licence either.
 */
export async function thirdPartyLicences(root: string, inputs: readonly string[]): Promise<string> {
  // One with a colon is no file, but text that the bundling itself has put there.
  const files = inputs.filter((input) => !input.includes(':'));
  const folders = new Set(files.map(packageFolder).filter((folder) => folder !== undefined));
  const sections = await Promise.all([...folders].sort().map((folder) => section(join(root, folder))));
  const sorted = sections.toSorted();
  return `This program contains the following packages, each under its own licence.\n\n${sorted.join('\n')}`;
}

/** `node_modules/a/node_modules/@b/c` of `node_modules/a/node_modules/@b/c/dist/index.js`. */
function packageFolder(input: string): string | undefined {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
}

async function section(folder: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as PackageJson;
  const { name, version, license, author } = manifest;
  const texts = await licenceTexts(folder);
  if (texts.length === 0) {
    if (license === undefined) throw new Error(`${name}@${version} comes without a licence`);
    const holder = typeof author === 'string' ? author : (author?.name ?? 'its authors');
    texts.push(`Licensed under ${license} by ${holder}. The package comes without the text.`);
  }
  return `${rule}\n${name} ${version} (${license ?? 'see below'})\n${rule}\n\n${texts.join('\n\n')}\n`;
}

async function licenceTexts(folder: string): Promise<string[]> {
  const files = (await readdir(folder)).sort();
  const read = async (file: string): Promise<string> => (await readFile(join(folder, file), 'utf8')).trim();
  const own = await Promise.all(files.filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).map(read));
  if (own.length > 0) return own;
  // Some have it as the last part of what they say of themselves.
  const readme = files.find((file) => /^readme/i.test(file));
  const [, text] =
    readme === undefined ? [] : (/^(?:#+ *)?licen[cs]e\b.*\n([\s\S]*)$/im.exec(await read(readme)) ?? []);
  return text !== undefined && /copyright|licen[cs]e/i.test(text) ? [text.replace(/^[-=\s]+/, '')] : [];
}
