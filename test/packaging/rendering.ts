/** What kustomize and Helm make of the project's manifests. */
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { helm } from '../../tools/foreign/helm.ts';
import { kubectl, kustomized } from '../../tools/foreign/kubectl.ts';
import type { Body } from '../support/rest-client.ts';

const execute = promisify(execFile);

export const root = join(import.meta.dirname, '../..');
/** The chart's folder. */
export const chart = join(root, 'charts/security-baseline-operator');

/** An object as it would be applied. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** The operator's Deployment, as far as tests look at it. */
export interface Deployment extends Manifest {
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly metadata: Body;
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: readonly [{ readonly image: string; readonly args: readonly string[] }];
        readonly [field: string]: unknown;
      };
    };
  };
}

/** What `kubectl apply -k` would apply; the folder is relative to the repository, or absolute. */
export async function kustomize(folder: string): Promise<readonly Manifest[]> {
  return parse(await kustomized(await kubectl.path(), resolve(root, folder)));
}

/** What `helm install` would install into the namespace that kustomize installs into. */
export async function template(...args: readonly string[]): Promise<readonly Manifest[]> {
  return parse(await output(await helm.path(), templateArgs(args)));
}

/** Why `helm install` would refuse these values. */
export async function refusal(...args: readonly string[]): Promise<string> {
  try {
    await execute(await helm.path(), templateArgs(args));
  } catch (error) {
    return (error as { readonly stderr: string }).stderr;
  }
  return 'not refused';
}

/** What `helm lint` says. */
export async function lint(): Promise<string> {
  return await output(await helm.path(), ['lint', '--strict', chart]);
}

/** The one object of this kind, and of this name and namespace where there are several. */
export function only<Kind extends Manifest = Manifest>(
  objects: readonly Manifest[],
  kind: string,
  name?: string,
  namespace?: string,
): Kind {
  const found = objects.filter(
    ({ kind: itsKind, metadata }) =>
      itsKind === kind &&
      (name === undefined || metadata.name === name) &&
      (namespace === undefined || metadata.namespace === namespace),
  );
  if (found.length !== 1) throw new Error(`${found.length} objects are ${kind} ${name ?? ''}`);
  return found[0] as Kind;
}

/** Names an object, such as `Role default/security-baseline-operator`. */
export function nameOf({ kind, metadata: { namespace, name } }: Manifest): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** Objects by their names; throws where two have one. */
export function byName(objects: readonly Manifest[]): ReadonlyMap<string, Manifest> {
  const named = new Map(objects.map((object) => [nameOf(object), object]));
  if (named.size !== objects.length) throw new Error('two objects have one name');
  return named;
}

function templateArgs(args: readonly string[]): readonly string[] {
  return ['template', 'baseline', chart, '--namespace', 'security-baseline-system', ...args];
}

async function output(command: string, args: readonly string[]): Promise<string> {
  return (await execute(command, args, { cwd: root, maxBuffer: 64 * 1024 * 1024 })).stdout;
}

function parse(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw error;
      return document.toJS({ maxAliasCount: -1 }) as Manifest | null;
    })
    .filter((object) => object !== null);
}
