/** What an installer writes into config/policies/settings reaches every policy. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { kustomize, type Manifest, root } from './rendering.ts';

interface Policy extends Manifest {
  readonly spec: {
    readonly paramKind?: object;
    readonly variables: readonly { readonly name: string; readonly expression: string }[];
    readonly matchConditions?: Policy['spec']['variables'];
    readonly matchConstraints: { readonly namespaceSelector?: unknown };
  };
}

async function render(folder: string): Promise<readonly Policy[]> {
  return (await kustomize(folder)).filter(
    (object): object is Policy => object.kind === 'ValidatingAdmissionPolicy',
  );
}

/** The folder, with these settings in place of what is there. */
async function withSettings(folder: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const file = join(folder, 'policies/settings/settings.yaml');
  let text = await readFile(file, 'utf8');
  for (const [key, value] of Object.entries(settings)) {
    const line = new RegExp(`^  ${key}: .*$`, 'm');
    expect(text).toMatch(line);
    text = text.replace(line, `  ${key}: ${value}`);
  }
  await writeFile(file, text);
}

const given = {
  breakGlassGroup: 'acme:emergency',
  operatorUser: 'system:serviceaccount:acme-security:sbo',
  operatorNamespace: 'acme-security',
};

test("the break-glass group, the operator's user and its namespace are written into every policy", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'admission-settings-'));
  try {
    const config = join(directory, 'config');
    await cp(join(root, 'config'), config, { recursive: true });
    const installed = await render(join(config, 'policies'));
    await withSettings(config, given);
    const after = await render(join(config, 'policies'));

    expect(after.map(({ metadata }) => metadata.name)).toEqual(
      installed.map(({ metadata }) => metadata.name),
    );
    expect(after).toHaveLength(14);
    expect(JSON.stringify(after)).not.toMatch(/security-baseline:break-glass|security-baseline-system/);
    for (const { metadata, spec } of after) {
      const expressions = [...spec.variables, ...(spec.matchConditions ?? [])].map(
        ({ expression }) => expression,
      );
      expect(expressions.join('; '), metadata.name).toContain(`'acme:emergency' in request.userInfo.groups`);
      const before = installed.find((policy) => policy.metadata.name === metadata.name);
      if (JSON.stringify(before).includes('request.userInfo.username')) {
        expect(expressions.join('; '), metadata.name).toContain(
          `'system:serviceaccount:acme-security:sbo' == request.userInfo.username`,
        );
      }
      if (spec.paramKind === undefined) continue;
      expect(spec.matchConstraints.namespaceSelector, metadata.name).toEqual({
        matchExpressions: [
          {
            key: 'kubernetes.io/metadata.name',
            operator: 'NotIn',
            values: ['kube-system', 'kube-public', 'kube-node-lease', 'acme-security'],
          },
        ],
      });
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});
