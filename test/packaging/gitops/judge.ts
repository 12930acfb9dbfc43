import { execFile } from 'node:child_process';
import { healthJudgePath } from '../../../tools/foreign/flux.ts';
import type { Body } from '../../support/rest-client.ts';
import { argoConfigMap } from './guide.ts';

/** How healthy a tool takes an object to be. */
export interface Health {
  readonly status: string;
  readonly message?: string;
}

/** What GitOps tools make of an object. */
export interface Judgement {
  /** By kstatus' generic rules, which Flux goes by. */
  readonly kstatus: Health;
  /** By Argo CD, given config/argocd. */
  readonly argo: Health;
}

/** An object as the cluster has it. */
export interface LiveObject {
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** Judges an object of ours as GitOps tools do, by their own libraries: see tools/foreign/flux/health. */
export async function judge(object: LiveObject): Promise<Judgement> {
  const lua = argoConfigMap().data[`resource.customizations.health.securitybaseline.io_${object.kind}`];
  return (await ask({ object, lua })) as Judgement;
}

/** What Argo CD's three-way comparison would change in the cluster, once it has applied what is in git; `{}` is in sync. */
export async function threeWayDifference(git: Body, live: LiveObject): Promise<Body> {
  const { diff } = (await ask({ object: live, git })) as { diff: Body };
  return diff;
}

async function ask(question: Body): Promise<unknown> {
  const path = await healthJudgePath();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = execFile(path, (error, stdout, stderr) =>
    error === null ? resolve(stdout) : reject(new Error(stderr || error.message, { cause: error })),
  );
  child.stdin?.end(JSON.stringify(question));
  return JSON.parse(await promise);
}
