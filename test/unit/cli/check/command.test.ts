import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Command } from 'commander';
import fc from 'fast-check';
import type { Log } from 'sarif';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rules } from '../../../../src/cli/check/catalogue.ts';
import { checkCommand } from '../../../../src/cli/check/command.ts';
import { noPaint } from '../../../../src/cli/terminal.ts';
import { UserError } from '../../../../src/cli/user-error.ts';
import { baseline, object, pod } from './check-text.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'check-'));
});
afterEach(() => rm(folder, { recursive: true }));

interface Run {
  readonly code: number | undefined;
  readonly out: string;
  readonly err: string;
}

/** Runs the command with this on standard input. */
async function run(args: readonly string[], input = ''): Promise<Run> {
  let out = '';
  let err = '';
  let code: number | undefined;
  const output = { isTerminal: false, width: 80, write: () => {} };
  const program = new Command('kubectl-baseline').exitOverride().configureOutput({
    writeErr: (text) => {
      err += text;
    },
  });
  const context = {
    terminal: {
      out: output,
      err: output,
      input: {
        isTerminal: false,
        bytes: Readable.from([Buffer.from(input)]),
        lines: () => Readable.from([]),
      },
      env: {},
    },
    paint: noPaint,
    version: '1.2.3',
    print: (text: string) => {
      out += text;
    },
    warn: (line: string) => {
      err += `${line}\n`;
    },
  };
  checkCommand(program, context, (reported) => {
    code = reported;
  });
  await program.parseAsync(['check', ...args], { from: 'user' });
  return { code, out, err };
}

const tenant = baseline(
  'podSecurity: { enforce: baseline, warn: restricted }, admission: { images: { forbidTags: [latest] } }',
);
const good = object('v1', 'ConfigMap', 'data: { a: b }');
const bad = pod('hostPID: true, containers: [{ name: app, image: nginx }]');

describe('kubectl baseline check', () => {
  it('prints findings by place, each with its rule and what to do, and a summary', async () => {
    expect(await run(['-f', '-', '--severity', 'error'], tenant + good + bad)).toEqual({
      code: 2,
      err: '',
      out: [
        '-:18:9: error SB101 host-namespaces: Pod shop/pod: hostPID is true (level baseline)',
        '  Leave out hostNetwork, hostPID and hostIPC.',
        '-:18:50: error SB203 image-tags: Pod shop/pod: docker.io/library/nginx:latest has the tag latest [baseline tenant]',
        '  Use another tag, or ask for a BaselineException of kind Images.',
        '2 errors and 0 warnings in 3 objects.',
        '',
      ].join('\n'),
    });
  });

  it('reports warnings too, unless only errors are asked for', async () => {
    const { out } = await run(['-f', '-'], tenant + bad);
    expect(out).toContain('warning SB113 privilege-escalation');
    expect(out).toMatch(/2 errors and 4 warnings in 2 objects\.\n$/);
  });

  it('ends with 0 where nothing is found', async () => {
    expect(await run(['-f', '-'], tenant + good)).toEqual({
      code: 0,
      err: '',
      out: 'No findings in 2 objects.\n',
    });
  });

  it('ends with 1 where something could not be read, and still says what it found', async () => {
    const { code, out, err } = await run(['-f', '-'], `${tenant}${bad}---\nkind: [\n`);
    expect(code).toBe(1);
    expect(out).toContain('SB101');
    expect(err).toMatch(/^error: -:\d+:\d+: this document is not valid YAML/);
  });

  it('ends with 1 for a baseline that would not be one', async () => {
    const { code, err } = await run(['-f', '-'], baseline('podSecurty: {}') + good);
    expect(code).toBe(1);
    expect(err).toContain(
      'error: -:6:32: SecurityBaseline tenant: spec.podSecurty is no field of a SecurityBaseline',
    );
  });

  it('takes baselines from elsewhere, and says when it has none', async () => {
    const file = join(folder, 'baseline.yaml');
    await writeFile(file, tenant);
    expect((await run(['-f', '-', '--baseline', file], bad)).code).toBe(2);
    const { code, err } = await run(['-f', '-'], bad);
    expect(code).toBe(0);
    expect(err).toContain('note: no SecurityBaseline was given or found');
  });

  it('takes the namespace and its labels as given', async () => {
    const prod = tenant.replace(
      'namespaceSelector: {}',
      'namespaceSelector: { matchLabels: { environment: prod, tier: a } }',
    );
    const unnamed = prod + bad.replace(', namespace: shop', '');
    const { out } = await run(
      ['-f', '-', '-n', 'team', '--namespace-labels', 'environment=prod,tier=a'],
      unnamed,
    );
    expect(out).toContain('SB101 host-namespaces: Pod team/pod');
    const twice = ['--namespace-labels', 'environment=prod', '--namespace-labels', 'tier=a'];
    expect((await run(['-f', '-', ...twice], unnamed)).out).toContain('SB101');
    expect((await run(['-f', '-'], unnamed)).out).toContain('SB901 not-covered: Pod default/pod');
  });

  it.each([
    [['-f', '-', '--namespace-labels', 'x'], '"x" is not key=value'],
    [['-f', '-', '--severity', 'note'], 'Allowed choices are warning, error'],
    [['-f', '-', '-o', 'xml'], 'Allowed choices are text, json, sarif'],
    [[], "required option '-f, --filename <path...>' not specified"],
    [['-f', '-', '--baseline', '-'], '--baseline cannot be read from standard input'],
    [['-f', '-'], 'there is no Kubernetes object in -'],
  ])('refuses to be used wrongly: %j', async (args, message) => {
    const error = await run(args).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toContain(message);
    if (message.includes('Kubernetes')) expect(error).toBeInstanceOf(UserError);
  });

  it('leaves out of account what an object asks to ignore with a reason, and counts it', async () => {
    const ignoring = bad.replace(
      'namespace: shop',
      'namespace: shop, annotations: { securitybaseline.io/ignore: "SB101=debugs the node; SB203" }',
    );
    const { out } = await run(['-f', '-', '--severity', 'error'], tenant + ignoring);
    expect(out).not.toContain('SB101');
    expect(out).toContain('SB203');
    expect(out).toContain('1 error and 0 warnings in 2 objects, 1 ignored.');
    expect((await run(['-f', '-'], tenant + ignoring)).out).toContain(
      'warning SB902 ignore-without-reason: Pod shop/pod: "SB203" is not',
    );
  });

  it('gives JSON', async () => {
    const { out } = await run(['-f', '-', '--severity', 'error', '-o', 'json'], tenant + bad);
    const { version, summary, findings, problems } = JSON.parse(out);
    expect({ version, summary, problems }).toEqual({
      version: 1,
      summary: { errors: 2, warnings: 0, ignored: 0, objects: 2 },
      problems: [],
    });
    expect(findings[1]).toEqual({
      rule: 'SB203',
      ruleName: 'image-tags',
      severity: 'error',
      file: '-',
      line: 12,
      column: 50,
      object: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'pod' },
      path: 'spec.containers[0].image',
      message: 'docker.io/library/nginx:latest has the tag latest',
      fix: 'Use another tag, or ask for a BaselineException of kind Images.',
      baseline: 'tenant',
    });
  });

  it('gives SARIF 2.1.0 that code scanning takes', async () => {
    const file = join(folder, 'my app.yaml');
    await writeFile(
      file,
      `${tenant}${bad.replace('shop', 'shop, annotations: { securitybaseline.io/ignore: SB101=a test }')}---\nkind: [\n`,
    );
    const { code, out } = await run(['-f', file, '-o', 'sarif']);
    expect(code).toBe(1);
    const log = JSON.parse(out) as Log;
    expect(log.version).toBe('2.1.0');
    expect(log.$schema).toMatch(/sarif-schema-2\.1\.0\.json$/);
    const [sarifRun] = log.runs;
    const { driver } = sarifRun?.tool ?? { driver: { name: '' } };
    expect([driver.name, driver.version]).toEqual(['kubectl-baseline', '1.2.3']);
    expect(driver.rules?.map(({ id }) => id)).toEqual(rules.map(({ id }) => id));
    const results = sarifRun?.results ?? [];
    expect(results.length).toBeGreaterThan(3);
    for (const result of results) {
      expect(driver.rules?.[result.ruleIndex ?? -1]?.id).toBe(result.ruleId);
      expect(['error', 'warning']).toContain(result.level);
      expect(result.message.text).toBeTruthy();
      expect(Object.values(result.partialFingerprints ?? {})).toEqual([
        expect.stringMatching(/^[0-9a-f]{64}$/),
      ]);
      const place = result.locations?.[0]?.physicalLocation;
      expect(place?.artifactLocation?.uri).toMatch(/^file:\/\/\/.*\/my%20app\.yaml$/);
      expect(place?.region?.startLine).toBeGreaterThan(0);
      expect(place?.region?.startColumn).toBeGreaterThan(0);
    }
    expect(new Set(results.map(({ partialFingerprints }) => JSON.stringify(partialFingerprints))).size).toBe(
      results.length,
    );
    expect(results.filter(({ suppressions }) => suppressions !== undefined)).toEqual([
      expect.objectContaining({
        ruleId: 'SB101',
        suppressions: [{ kind: 'inSource', justification: 'a test' }],
      }),
    ]);
    const [invocation] = sarifRun?.invocations ?? [];
    expect(invocation?.executionSuccessful).toBe(false);
    expect(invocation?.toolExecutionNotifications).toEqual([expect.objectContaining({ level: 'error' })]);
  });

  it('never shows the value of a secret, in any output', async () => {
    const secret = fc
      .stringMatching(/^[a-zA-Z0-9!%^*_=~-]{12,40}$/)
      .filter((value) => /[a-zA-Z]{3}/.test(value));
    await fc.assert(
      fc.asyncProperty(secret, fc.constantFrom('text', 'json', 'sarif'), async (value, format) => {
        const text =
          pod(`containers: [{ name: app, env: [{ name: DB_PASSWORD, value: "${value}" }] }]`) +
          object('v1', 'ConfigMap', `data: { password: "${value}", a.ini: "x: 1\\npassword: ${value}\\n" }`) +
          `---\nkind: Broken\n  password: "${value}"\n`;
        const { out, err } = await run(['-f', '-', '-o', format], text);
        expect(out + err).not.toContain(value);
      }),
      { numRuns: 60 },
    );
  });

  it('shows control characters harmlessly', async () => {
    const text = tenant + pod('containers: [{ name: "a\\u001b[2J", image: "x\\u001b[31m" }]');
    for (const format of ['text', 'json', 'sarif']) {
      const { out } = await run(['-f', '-', '-o', format], text);
      expect(out).toContain('SB203');
      expect(out.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    }
  });
});
