import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Response } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ChecksumError, download, type Fetch } from '../../../../tools/controlplane/download.ts';
import { kubernetesVersion } from '../../../../tools/controlplane/version.ts';

const version = `v${kubernetesVersion()}`;
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const archiveUrl = 'https://example.com/envtest.tar.gz';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sbo-download-test-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function sha512(content: string): string {
  return createHash('sha512').update(content).digest('hex');
}

/** Publishes the index with one archive; whatever is not named here is answered with 404. */
function published(pages: Record<string, string>, hash: string): Fetch {
  const name = `envtest-${version}-${process.platform}-${architecture}.tar.gz`;
  const index = { releases: { [version]: { [name]: { hash, selfLink: archiveUrl } } } };
  return async (url) => {
    if (url.endsWith('envtest-releases.yaml')) return new Response(JSON.stringify(index));
    const page = Object.entries(pages).find(([suffix]) => url.endsWith(suffix));
    return page === undefined ? new Response('', { status: 404 }) : new Response(page[1]);
  };
}

describe('a download', () => {
  test('without its published checksum is refused, naming what was expected and found', async () => {
    const get = published({ 'envtest.tar.gz': 'tampered' }, sha512('genuine'));
    const failure = download(directory, undefined, get);
    await expect(failure).rejects.toBeInstanceOf(ChecksumError);
    await expect(failure).rejects.toThrow(archiveUrl);
    await expect(failure).rejects.toThrow(sha512('genuine'));
    await expect(failure).rejects.toThrow(sha512('tampered'));
    expect(await readdir(directory)).toEqual([]);
  });

  test.runIf(process.platform === 'linux')('with its published checksum is taken', async () => {
    const pages = {
      'kube-controller-manager': 'a binary',
      'kube-controller-manager.sha512': `${sha512('a binary')}\n`,
    };
    const { obtained, problems } = await download(directory, undefined, published(pages, ''));
    expect(obtained).toEqual(['kube-controller-manager']);
    expect(problems).toEqual([`example.com answered 404 for ${archiveUrl}`]);
    expect(await readFile(join(directory, 'kube-controller-manager'), 'utf8')).toBe('a binary');
  });

  test('that cannot be reached is reported in a line and is no failure', async () => {
    const unreachable: Fetch = async (url) => {
      throw new Error(`${new URL(url).host}: ENOTFOUND`);
    };
    const { obtained, problems } = await download(directory, undefined, unreachable);
    expect(obtained).toEqual([]);
    expect(problems[0]).toBe('raw.githubusercontent.com: ENOTFOUND');
  });

  test('of a version that is not in the index is reported in a line', async () => {
    const { problems } = await download(directory, undefined, async (url) =>
      url.endsWith('.yaml') ? new Response('releases: {}') : new Response('', { status: 404 }),
    );
    expect(problems[0]).toContain(`there is no envtest-${version}`);
  });
});
