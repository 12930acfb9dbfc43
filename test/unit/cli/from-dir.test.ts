/** The connectivity commands on manifests: no cluster is asked. */
import { describe, expect, test } from 'vitest';
import { cli } from '../../integration/cli/cli.ts';
import { expectGolden } from './golden.ts';

const mixed = new URL('fixtures/mixed.yaml', import.meta.url).pathname;

describe('connections --from-dir', () => {
  test.each(['list', 'matrix', 'mermaid', 'dot'])('as %s', async (format) => {
    const { code, out, err } = await cli(['connections', '--from-dir', mixed, '-o', format]);
    expectGolden(`from-dir/${format}.txt`, out);
    expect(err).toBe('');
    expect(code).toBe(0);
  });

  test('is the same in every run', async () => {
    const once = await cli(['connections', '--from-dir', mixed, '-o', 'json']);
    expect((await cli(['connections', '--from-dir', mixed, '-o', 'json'])).out).toBe(once.out);
  });

  test('narrows to a namespace, and knows which there are', async () => {
    const { out } = await cli(['connections', 'data', '--from-dir', mixed]);
    expect(out).toContain('shop/web[Deployment] => data/db[StatefulSet] : TCP 5432, SCTP 9900');
    expect(out).not.toContain('shop/web[Deployment] => shop/report');
    const { code, err } = await cli(['connections', 'nowhere', '--from-dir', mixed]);
    expect(err).toBe(
      'error: there is nothing in namespace "nowhere"\nGive another namespace, or -A for all of them.\n',
    );
    expect(code).toBe(1);
  });

  test('reads standard input', async () => {
    const input = 'apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: {}\n';
    const { out } = await cli(['connections', '--from-dir', '-', '-n', 'here'], { input });
    expect(out).toContain('here/a[Pod] => 0.0.0.0-255.255.255.255 : All Connections');
  });

  test('goes on with the good parts of a half-valid file, and says what it left out', async () => {
    const input = 'apiVersion: v1\nkind: Pod\nmetadata: { name: a }\n---\nkind: [\n';
    const { code, out, err } = await cli(['connections', '--from-dir', '-'], { input });
    expect(out).toContain('default/a[Pod]');
    expect(err).toMatch(/^warning: -:\d+/);
    expect(code).toBe(0);
  });

  test.each([
    ['a file that is not there', '/nonexistent/file.yaml', /^error: \/nonexistent\/file\.yaml: /],
    ['aliases that lead back to themselves', '-', /^error: -:/],
  ])('refuses %s', async (_name, path, message) => {
    const { code, err } = await cli(['connections', '--from-dir', path], { input: 'a: &a [*a]\n' });
    expect(err).toMatch(message);
    expect(code).toBe(1);
  });
});

describe('can-connect --from-dir', () => {
  test.each([
    ['shop/web', 'data/db:postgres', 0],
    ['shop/web', 'data/db:5433', 2],
    ['shop/report', 'data/db:5433', 0],
    ['shop/web', 'data/db:9900/SCTP', 0],
    ['shop/web', 'data/db:9900', 2],
    ['data/db', '198.51.100.9:443', 0],
    ['data/db', '198.51.100.200:443', 2],
    ['data/db', '[2001:db8::1]:443', 2],
    ['data/shell', 'shop/web', 0],
    ['shop/web', 'shop/report', 2],
  ])('%s to %s: exit code %d', async (source, destination, code) => {
    expect((await cli(['can-connect', source, destination, '--from-dir', mixed])).code).toBe(code);
  });

  test('explains itself', async () => {
    const { out } = await cli(['can-connect', 'shop/web', 'data/db', '--from-dir', mixed]);
    expectGolden('from-dir/can-connect.txt', out);
  });

  test.each([
    ['a/b/c', 'data/db', '"a/b/c" names no pod, workload or address'],
    ['shop/web', 'data/db:70000', 'port 70000 is not in 1 to 65535'],
    ['shop/web', 'data/db:80/ICMP', '"ICMP" is not a protocol'],
    ['1.2.3.4', '5.6.7.8', 'neither end is a pod of the cluster'],
  ])('refuses %s => %s', async (source, destination, message) => {
    const { code, err } = await cli(['can-connect', source, destination, '--from-dir', mixed]);
    expect(err).toContain(message);
    expect(code).toBe(1);
  });
});
