import { Readable } from 'node:stream';
import { baselinesIn } from '../../../../src/cli/check/baselines.ts';
import { type CheckResult, check } from '../../../../src/cli/check/check.ts';
import type { NamespaceAssumptions } from '../../../../src/cli/check/scopes.ts';
import type { ManifestObject } from '../../../../src/cli/manifests/manifest-object.ts';
import { readManifests } from '../../../../src/cli/manifests/read-manifests.ts';

/** Objects from YAML, which must be without fault. */
export async function objectsIn(text: string): Promise<readonly ManifestObject[]> {
  const { objects, problems } = await readManifests(['-'], { input: Readable.from([Buffer.from(text)]) });
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('; '));
  return objects;
}

/** Checks YAML, with the baselines in it. */
export async function checkText(
  text: string,
  assumptions: Partial<NamespaceAssumptions> = {},
): Promise<CheckResult> {
  const objects = await objectsIn(text);
  const { baselines, problems } = baselinesIn(objects);
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('; '));
  return check(objects, baselines, { defaultNamespace: 'default', labels: {}, ...assumptions });
}

/** A baseline that selects every namespace. */
export function baseline(spec: string, name = 'tenant'): string {
  return `
---
apiVersion: securitybaseline.io/v1alpha1
kind: SecurityBaseline
metadata: { name: ${name} }
spec: { namespaceSelector: {}, ${spec} }
`;
}

/** A pod with this spec, in flow style. */
export function pod(spec: string, name = 'pod'): string {
  return `
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop }
spec: { ${spec} }
`;
}

/** A Deployment of this pod spec. */
export function deployment(replicas: number, spec: string, name = 'web'): string {
  return `
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop }
spec: { replicas: ${replicas}, template: { spec: { ${spec} } } }
`;
}

/** An object of any kind, in flow style. */
export function object(apiVersion: string, kind: string, rest: string, name = 'thing'): string {
  return `
---
apiVersion: ${apiVersion}
kind: ${kind}
metadata: { name: ${name}, namespace: shop }
${rest}
`;
}

/** The ids of the rules that are broken, each once. */
export function brokenRules({ findings }: CheckResult): readonly string[] {
  return [...new Set(findings.map(({ rule }) => rule.id))];
}

/** The messages of one rule. */
export function messagesOf({ findings }: CheckResult, id: string): readonly string[] {
  return findings.filter(({ rule }) => rule.id === id).map(({ message }) => message);
}
