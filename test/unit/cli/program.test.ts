/** What holds for every command: help, usage errors, credentials that do not work, colours, progress. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Progress } from '../../../src/cli/progress.ts';
import { noPaint, paintFor, type Terminal } from '../../../src/cli/terminal.ts';
import { cli } from '../../integration/cli/cli.ts';
import { FakeClock } from '../runtime/fake-clock.ts';
import { expectGolden } from './golden.ts';

const commands = [
  '',
  'init',
  'plan',
  'status',
  'explain',
  'why-denied',
  'why-denied pod',
  'can-connect',
  'connections',
  'exception',
  'exception request',
  'exception approve',
  'exception list',
  'completion',
];

describe('help', () => {
  test.each(commands)('%s --help', async (command) => {
    const { code, out, err } = await cli([...command.split(' ').filter(Boolean), '--help']);
    expectGolden(`help/${command.replaceAll(' ', '-') || 'program'}.txt`, out);
    expect(err).toBe('');
    expect(code).toBe(0);
  });

  test('--version', async () => {
    expect((await cli(['--version'])).out).toBe('0.0.0-test\n');
  });
});

describe('wrong use', () => {
  test.each([
    [['plam'], /unknown command 'plam'[\s\S]*Did you mean plan\?/],
    [['plan'], /required option '-f, --filename <path...>' not specified/],
    [['plan', '-f', 'x', '--fail-on', 'rain'], /'rain' is none of: cut, violations/],
    [['status', '-o', 'xml'], /Allowed choices are text, json/],
    [['explain', 'a', 'b'], /too many arguments/],
    [['why-denied', 'pod'], /Give the NAME of a workload, or -f FILE/],
    [['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
    [['init', '--offline', '--yes', '--name', 'A b'], /is no name for a baseline/],
  ])('%j', async (args, message) => {
    const { code, out, err } = await cli(args);
    expect(err).toMatch(message);
    expect(out).toBe('');
    expect(code).toBe(1);
  });
});

describe('credentials', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubectl-baseline-'));
  const kubeconfig = join(folder, 'config');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'gone', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'me', user: { token: 'secret' } }],
      contexts: [{ name: 'gone', context: { cluster: 'gone', user: 'me', namespace: 'shop' } }],
      'current-context': 'gone',
    }),
  );

  test('a kubeconfig that is not there', async () => {
    const { code, err } = await cli(['status'], { kubeconfig: '/nonexistent/config' });
    expect(err).toMatch(
      /^error: the kubeconfig \/nonexistent\/config cannot be used: .*\nGive a readable kubeconfig/,
    );
    expect(code).toBe(1);
  });

  test('a context that is not there, with those that are', async () => {
    const { code, err } = await cli(['status', '--context', 'nope'], { kubeconfig });
    expect(err).toBe(
      'error: the kubeconfig has no context "nope"\nGive one of these with --context: gone.\n',
    );
    expect(code).toBe(1);
  });

  test('a server that cannot be reached', async () => {
    const { code, err } = await cli(['status'], { kubeconfig });
    expect(err).toMatch(
      /^error: list securitybaselines: network: [\s\S]*The API server cannot be reached\. Check --context/,
    );
    expect(err).not.toContain('secret');
    expect(code).toBe(1);
  });

  test('contexts are completed', async () => {
    expect((await cli(['__complete', 'plan', '--kubeconfig', kubeconfig, '--context', ''])).out).toBe(
      'gone\t\n',
    );
  });
});

describe('colours', () => {
  const terminal = (env: Terminal['env']): Terminal => ({
    out: { isTerminal: true, width: 80, write: () => undefined },
    err: { isTerminal: true, width: 80, write: () => undefined },
    input: { isTerminal: true, bytes: (async function* () {})(), lines: () => (async function* () {})() },
    env,
  });

  test('are for terminals only, and not with NO_COLOR', () => {
    const seen = terminal({});
    expect(paintFor(seen, seen.out).bad('x')).toBe('\u001b[31mx\u001b[39m');
    expect(paintFor(seen, { ...seen.out, isTerminal: false })).toBe(noPaint);
    expect(paintFor(terminal({ NO_COLOR: '1' }), seen.out)).toBe(noPaint);
    expect(paintFor(terminal({ NO_COLOR: '' }), seen.out)).not.toBe(noPaint);
    expect(paintFor(terminal({ TERM: 'dumb' }), seen.out)).toBe(noPaint);
  });
});

describe('progress', () => {
  test('is told after a second, not before, and wiped from a terminal', async () => {
    const clock = new FakeClock();
    const parts: string[] = [];
    const progress = new Progress({ isTerminal: true, width: 80, write: (more) => parts.push(more) }, clock);
    const { promise, resolve } = Promise.withResolvers<number>();
    const work = progress.during('reading pods', () => promise);
    await clock.advance(999);
    expect(parts).toEqual([]);
    await clock.advance(1);
    expect(parts).toEqual(['reading pods ...']);
    resolve(7);
    expect(await work).toBe(7);
    expect(parts).toEqual(['reading pods ...', '\r\u001b[K']);
    expect(clock.pendingTimers).toBe(0);
  });

  test('says nothing of what is quick', async () => {
    const clock = new FakeClock();
    const parts: string[] = [];
    const progress = new Progress({ isTerminal: false, width: 80, write: (more) => parts.push(more) }, clock);
    await progress.during('reading pods', async () => 1);
    expect(parts).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });
});
