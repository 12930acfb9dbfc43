import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultLimits, type ManifestLimits } from '../../../../src/cli/manifests/limits.ts';
import { type ManifestSet, readManifests } from '../../../../src/cli/manifests/read-manifests.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manifests-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

async function readFolder(limits: Partial<ManifestLimits> = {}): Promise<ManifestSet> {
  return readManifests([folder], { input: Readable.from([]), limits: { ...defaultLimits, ...limits } });
}

/** Reads a text from standard input. */
async function readText(text: string, limits: Partial<ManifestLimits> = {}): Promise<ManifestSet> {
  const input = Readable.from([Buffer.from(text)]);
  return readManifests(['-'], { input, limits: { ...defaultLimits, ...limits } });
}

function configMap(name: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`;
}

function names({ objects }: ManifestSet): string[] {
  return objects.map(({ name }) => name);
}

function complaints({ problems }: ManifestSet): string[] {
  return problems.map(({ file, line = 0, column = 0, message }) => {
    return `${file.replace(`${folder}/`, '')}:${line}:${column}: ${message}`;
  });
}

describe('readManifests: what is read', () => {
  it('reads a folder with all that is in it, in order of names, but no hidden files and no node_modules', async () => {
    await write({
      'b.yml': configMap('b'),
      'a/deep/x.json': '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}',
      'c.YAML': configMap('c'),
      '.hidden/h.yaml': configMap('hidden'),
      '.h.yaml': configMap('hidden'),
      'node_modules/n.yaml': configMap('module'),
      'readme.md': configMap('readme'),
    });
    expect(names(await readFolder())).toEqual(['a', 'b', 'c']);
  });

  it('follows links to files, and does not go round in circles through links to folders', async () => {
    await write({ 'real/a.txt': configMap('linked') });
    await symlink(join(folder, 'real/a.txt'), join(folder, 'real/a.yaml'));
    await symlink(folder, join(folder, 'real/again'));
    expect(names(await readFolder())).toEqual(['linked']);
  });

  it('reads a file once, however often it is given', async () => {
    await write({ 'a.yaml': configMap('a') });
    const set = await readManifests([folder, join(folder, 'a.yaml')], { input: Readable.from([]) });
    expect(names(set)).toEqual(['a']);
  });

  it('reads many documents from standard input, and skips empty ones', async () => {
    const set = await readText(`---\n${configMap('a')}---\n---\n# nothing\n---\n${configMap('b')}...\n`);
    expect(names(set)).toEqual(['a', 'b']);
    expect(set.problems).toEqual([]);
    expect(set.objects[1]?.location).toEqual({ file: '-', line: 10, column: 1 });
  });

  it('unfolds lists, also lists of one kind and lists in lists', async () => {
    const set = await readText(`
apiVersion: v1
kind: List
items:
  - { apiVersion: v1, kind: ConfigMap, metadata: { name: a } }
  - apiVersion: v1
    kind: PodList
    items:
      - metadata: { name: b, namespace: team }
`);
    expect(set.objects.map(({ kind, name, namespace }) => [kind, name, namespace])).toEqual([
      ['ConfigMap', 'a', undefined],
      ['Pod', 'b', 'team'],
    ]);
    expect(set.objects[1]?.location).toEqual({ file: '-', line: 9, column: 9 });
  });

  it('reads YAML as kubectl does: yes is true, 0644 is octal, 22:22 and dates are texts, << merges', async () => {
    const { objects } = await readText(`
apiVersion: v1
kind: ConfigMap
metadata: { name: a }
base: &base { one: 1, two: 2 }
spec: { <<: *base, two: 3, on: yes, mode: 0644, ports: 22:22, date: 2026-01-31, __proto__: { x: 1 } }
`);
    const spec = objects[0]?.root.at('spec');
    expect(Object.entries(spec?.value as object)).toEqual([
      ['two', 3],
      ['true', true],
      ['mode', 420],
      ['ports', '22:22'],
      ['date', '2026-01-31'],
      ['__proto__', { x: 1 }],
      ['one', 1],
    ]);
    expect(spec?.at('x').exists).toBe(false);
  });

  it('takes a generateName for a name, with a * for what is added', async () => {
    const set = await readText('{ apiVersion: batch/v1, kind: Job, metadata: { generateName: run- } }');
    expect(names(set)).toEqual(['run-*']);
    expect(set.objects[0]?.group).toBe('batch');
  });
});

describe('readManifests: places', () => {
  it('says where a field is written, and of a missing one where the nearest around it is', async () => {
    const { objects } = await readText(`${configMap('a')}spec:
  containers:
    - name: one
      image: &image nginx
    - { name: two, image: *image }
`);
    const at = (...path: (string | number)[]) => {
      const { line, column } = objects[0]?.locate(path) ?? { line: 0, column: 0 };
      return [line, column];
    };
    expect(at()).toEqual([1, 1]);
    expect(at('metadata', 'name')).toEqual([4, 3]);
    expect(at('spec', 'containers', 0, 'image')).toEqual([8, 7]);
    expect(at('spec', 'containers', 1)).toEqual([9, 7]);
    expect(at('spec', 'containers', 1, 'image')).toEqual([9, 20]);
    expect(at('spec', 'containers', 1, 'securityContext', 'runAsUser')).toEqual([9, 7]);
  });
});

describe('readManifests: bad input', () => {
  it('keeps the good documents of a half-valid file, and says where the bad ones are', async () => {
    const set = await readText(
      `${configMap('a')}---\nkind: [unclosed\nfoo: bar\n---\n${configMap('b')}---\n- 1\n`,
    );
    expect(names(set)).toEqual(['a', 'b']);
    expect(
      complaints(set).map((text) => text.replace(/: this document is not valid YAML: .*/, ' invalid')),
    ).toEqual([
      expect.stringMatching(/^-:[67]:\d+ invalid$/),
      '-:14:1: this is not a Kubernetes object: it has neither apiVersion nor kind',
    ]);
  });

  it('only notes documents in a folder that are no Kubernetes objects, such as the values of a chart', async () => {
    await write({ 'values.yaml': 'replicas: 3\n' });
    const { problems } = await readFolder();
    expect(problems.map(({ severity }) => severity)).toEqual(['note']);
    const given = await readManifests([join(folder, 'values.yaml')], { input: Readable.from([]) });
    expect(given.problems.map(({ severity }) => severity)).toEqual(['error']);
  });

  it('refuses aliases that expand to billions of values, and keeps the documents around them', async () => {
    const levels = Array.from({ length: 30 }, (_, i) => {
      const alias = `*l${i}`;
      return `l${i + 1}: &l${i + 1} [${Array(10).fill(alias).join(', ')}]`;
    });
    const bomb = ['apiVersion: v1', 'kind: ConfigMap', 'l0: &l0 lol', ...levels].join('\n');
    const set = await readText(`${configMap('a')}---\n${bomb}\n---\n${configMap('b')}`);
    expect(names(set)).toEqual(['a', 'b']);
    expect(complaints(set)).toEqual([
      expect.stringContaining('is refused: its aliases expand to more than 100,000 values'),
    ]);
  });

  it.each([
    ['a cyclic alias', 'data: &a { self: *a }', 'the alias *a stands within its own anchor'],
    ['an unknown alias', 'data: *nobody', 'the alias *nobody has no anchor before it'],
    ['a key that comes twice', 'data: { a: 1, a: 2 }', 'the key "a" comes twice'],
    ['a key that is no text', 'data: { [a]: 1 }', 'a key must be a text'],
  ])('refuses %s', async (_, line, message) => {
    const set = await readText(`${configMap('a')}${line}\n`);
    expect(set.objects).toEqual([]);
    expect(complaints(set)).toEqual([expect.stringMatching(/^-:5:\d+: /)]);
    expect(complaints(set)[0]).toContain(message);
  });

  it('lets an alias be used within bounds', async () => {
    const set = await readText(`${configMap('a')}labels: &l { app: x }\nagain: [*l, *l]\n`);
    expect(set.objects[0]?.root.at('again').value).toEqual([{ app: 'x' }, { app: 'x' }]);
  });

  it('refuses nesting without end, and reads on after it', async () => {
    const deep = `${configMap('deep')}data: ${'['.repeat(200)}${']'.repeat(200)}\n`;
    const abyss = `${configMap('abyss')}data: ${'['.repeat(50_000)}${']'.repeat(50_000)}\n`;
    const set = await readText(`${deep}---\n${abyss}---\n${configMap('b')}`);
    expect(names(set)).toEqual(['b']);
    expect(complaints(set)).toEqual([
      expect.stringContaining('this document is nested deeper than 128 levels'),
      expect.stringContaining('this document is nested too deeply'),
    ]);
  });

  it.each([
    ['a plain action', 'metadata:\n  name: {{ .Release.Name }}\n'],
    ['a quoted action', 'metadata:\n  name: "{{ .Release.Name }}"\n'],
    ['a block', 'metadata: { name: a }\n{{- if .Values.on }}\ndata: {}\n{{- end }}\n'],
  ])('says of a template that it must be rendered first: %s', async (_, rest) => {
    const set = await readText(`apiVersion: v1\nkind: ConfigMap\n${rest}`);
    expect(set.objects).toEqual([]);
    expect(complaints(set)).toContainEqual(expect.stringContaining('render it first: helm template'));
  });

  it('lets the data of a ConfigMap hold templates of something else', async () => {
    const set = await readText(`${configMap('a')}data:\n  alert: "{{ $labels.job }} is down"\n`);
    expect(set.problems).toEqual([]);
  });

  it('names the version it knows to a baseline of another', async () => {
    const set = await readText(
      'apiVersion: securitybaseline.io/v1beta9\nkind: SecurityBaseline\nmetadata: { name: tenant }\n',
    );
    expect(set.objects).toEqual([]);
    expect(complaints(set)).toEqual([
      '-:1:1: SecurityBaseline tenant is of securitybaseline.io/v1beta9; this program knows securitybaseline.io/v1alpha1',
    ]);
  });

  it.each([
    ['a control character', '"a\\u001b[2Jb"', '\\u001b[2J'],
    ['a change of direction', '"a\\u202eb"', '\\u202e'],
    ['a line separator', '"a\\u2028b"', '\\u2028'],
    ['more than 253 characters', 'a'.repeat(300), 'too long'],
  ])('refuses a name with %s, and shows it harmlessly', async (_, name, shown) => {
    const set = await readText(configMap(name));
    expect(set.objects).toEqual([]);
    expect(complaints(set)[0]).toContain(shown);
    expect(complaints(set)[0]).not.toMatch(/[\p{Cc}\u202e\u2028]/u);
  });

  it.each([
    ['kind: ConfigMap\nmetadata: { name: a }', 'apiVersion is missing'],
    ['apiVersion: v1\nmetadata: { name: a }', 'kind is missing'],
    ['apiVersion: v1\nkind: ConfigMap\n', 'metadata.name is missing'],
    ['apiVersion: v1\nkind: ConfigMap\nmetadata: { name: 12 }', 'a number needs quotes'],
    [
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: 12 }',
      'metadata.namespace is not a text',
    ],
    [
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, labels: { on: yes } }',
      'metadata.labels must map text to text',
    ],
    [
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, labels: [x] }',
      'metadata.labels must map text to text',
    ],
  ])('refuses an object without what every object has: %s', async (text, message) => {
    const set = await readText(text);
    expect(set.objects).toEqual([]);
    expect(complaints(set)).toEqual([expect.stringContaining(message)]);
  });

  it('says what is wrong with files that are no text', async () => {
    await write({
      'binary.yaml': new Uint8Array([0x7f, 0x45, 0x00, 0x01]),
      'latin.yaml': new Uint8Array([0x61, 0xe9, 0x61]),
      'utf16.yaml': new Uint8Array([0xff, 0xfe, 0x61, 0x00]),
      'z.yaml': configMap('z'),
    });
    const set = await readFolder();
    expect(names(set)).toEqual(['z']);
    expect(complaints(set)).toEqual([
      'binary.yaml:0:0: is binary; give YAML or JSON',
      'latin.yaml:0:0: is not UTF-8 text; give YAML or JSON in UTF-8',
      'utf16.yaml:0:0: is UTF-16; save it as UTF-8',
    ]);
  });

  it.each(['a: {b: c}} hunter22', 'a: !hunter22!x b', 'a: |hunter22\n  x', 'a: [hunter22\nb: c'])(
    'does not quote what may be a secret: %j',
    async (text) => {
      const { problems } = await readText(`${configMap('a')}${text}\n`);
      expect(problems).toHaveLength(1);
      expect(problems[0]?.message).toMatch(/^this document is not valid YAML: \w.*[\w\]]$/);
      expect(problems[0]?.message).not.toContain('hunter22');
    },
  );

  it('says that a path is not there', async () => {
    const set = await readManifests([join(folder, 'nowhere.yaml')], { input: Readable.from([]) });
    expect(complaints(set)).toEqual(['nowhere.yaml:0:0: there is no such file or folder']);
  });

  it('stops at each of its bounds', async () => {
    await write({ 'a.yaml': `${configMap('a')}---\n${configMap('b')}`, 'b.yaml': configMap('c') });
    expect(complaints(await readFolder({ fileBytes: 60 }))).toEqual([
      'a.yaml:0:0: is larger than 60 bytes; split it',
    ]);
    expect(names(await readFolder({ documents: 2 }))).toEqual(['a', 'b']);
    expect(complaints(await readFolder({ documents: 2 }))).toEqual([
      'b.yaml:0:0: there are more than 2 documents; give fewer files',
    ]);
    expect(complaints(await readFolder({ files: 1 }))[0]).toContain('more than 1 files');
    expect(complaints(await readFolder({ totalBytes: 130 }))[0]).toContain('larger than 130 bytes together');
  });

  it('stops when aborted', async () => {
    await write({ 'a.yaml': configMap('a') });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(readManifests([folder], { input: Readable.from([]), signal })).rejects.toThrow('enough');
  });
});
