import { globSync, readFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent } from 'undici';
import { parse, parseAllDocuments } from 'yaml';
import { ControlPlane, type ControlPlaneOptions } from '../../../tools/controlplane/control-plane.ts';
import { eventually } from '../../support/eventually.ts';

const root = new URL('../../../', import.meta.url);

/** Who sends a request: reached by impersonation, as break-glass is by people. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Allowed everything by RBAC, and exempt from nothing. */
export const admin: User = { name: 'root', groups: ['system:masters'] };
/** May do everything in namespaces, and with namespaces, but nothing with baselines. */
export const tenant: User = { name: 'tess', groups: ['tenants'] };
export const breakGlass: User = { name: 'ada', groups: ['system:masters', 'security-baseline:break-glass'] };
export const operator: User = {
  name: 'system:serviceaccount:security-baseline-system:security-baseline-operator',
  groups: ['system:masters'],
};

/** An object, or a part of one, as it is sent. */
export type Body = Readonly<Record<string, unknown>>;

export interface Call {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'GET';
  readonly path: string;
  readonly body?: Body | undefined;
  readonly contentType?: string;
}

export interface Answer {
  readonly status: number;
  readonly body: { readonly [field: string]: unknown; readonly message?: string };
  readonly warnings: string;
}

/** `allowed`, or the message with which the request was refused. */
export type Outcome = string;

/**
 * A control plane of its own for the admission tests: the policies hold for the whole cluster, so that other tests would
 * feel them.
 */
export class AdmissionCluster implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly #agent: Agent;

  private constructor(controlPlane: ControlPlane) {
    this.controlPlane = controlPlane;
    const config = new KubeConfig();
    config.loadFromFile(controlPlane.adminKubeconfig);
    const decode = (data: string | undefined): string => Buffer.from(data ?? '', 'base64').toString();
    const user = config.getCurrentUser();
    this.#agent = new Agent({
      // HTTP/2 would make one header of several impersonated groups.
      allowH2: false,
      connect: {
        ca: decode(config.getCurrentCluster()?.caData),
        cert: decode(user?.certData),
        key: decode(user?.keyData),
      },
    });
  }

  /** Starts a control plane with the CRD in it, and the rights of {@link tenant}; without policies. */
  static async start(options: ControlPlaneOptions = {}): Promise<AdmissionCluster> {
    const cluster = new AdmissionCluster(await ControlPlane.start(options));
    try {
      await cluster.installCrd();
      await cluster.do(admin, create('/apis/rbac.authorization.k8s.io/v1/clusterroles', tenantRole));
      await cluster.do(
        admin,
        create('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', tenantRoleBinding),
      );
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  async installCrd(): Promise<void> {
    await this.#applyFile(new URL('crds/securitybaselines.yaml', root));
    await eventually(() => this.do(admin, get(baselines)), { what: 'the CRD is served' });
  }

  /**
   * Installs all policies as they are in config/policies.
   *
   * `WITHOUT_BINDING=<name>` in the environment leaves one binding out: the tests of that policy must fail then.
   */
  async installPolicies(): Promise<void> {
    await this.#applyPolicies(/./);
  }

  /** The bindings alone, where the policies are there already. */
  async installBindings(): Promise<void> {
    await this.#applyPolicies(/Binding$/);
  }

  async #applyPolicies(kinds: RegExp): Promise<void> {
    for (const file of globSync('config/policies/{guard,rules}/*.yaml', { cwd: root.pathname }).sort()) {
      if (!file.endsWith('kustomization.yaml')) await this.#applyFile(new URL(file, root), kinds);
    }
  }

  async send(user: User, { method, path, body, contentType }: Call): Promise<Answer> {
    const {
      statusCode,
      headers,
      body: stream,
    } = await this.#agent.request({
      origin: this.controlPlane.serverUrl,
      method,
      path,
      // Name and value in turn: each group is a header of its own.
      headers: [
        ...['accept', 'application/json', 'impersonate-user', user.name],
        ...user.groups.flatMap((group) => ['impersonate-group', group]),
        ...(body === undefined ? [] : ['content-type', contentType ?? 'application/json']),
      ],
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await stream.text();
    return {
      status: statusCode,
      body: text.startsWith('{') ? (JSON.parse(text) as Answer['body']) : { message: text },
      warnings: [headers.warning ?? []].flat().join('\n'),
    };
  }

  /** Sends a request that has to succeed. */
  async do(user: User, call: Call): Promise<Answer['body']> {
    const answer = await this.send(user, call);
    if (answer.status >= 300) throw new Error(`${call.method} ${call.path}: ${answer.body.message}`);
    return answer.body;
  }

  async outcome(user: User, call: Call): Promise<Outcome> {
    const { status, body } = await this.send(user, call);
    return status < 300 ? 'allowed' : (body.message ?? String(status));
  }

  /** Polls a request until it is refused so: policies and baselines take a moment to reach admission. */
  async untilDenied(user: User, call: Call, reason: RegExp): Promise<void> {
    const check = async (): Promise<void> => {
      const outcome = await this.outcome(user, call);
      if (!reason.test(outcome)) throw new Error(outcome);
    };
    await eventually(check, { what: `${call.method} ${call.path} is denied`, timeoutMs: 30_000 });
  }

  /** Creates a baseline as the platform team would, and returns it. */
  async baseline(name: string, spec: Body, labels: Body = {}): Promise<Answer['body']> {
    return await this.do(admin, create(baselines, { ...baselineMeta(name, labels), spec }));
  }

  /** Creates a namespace past all policies, and waits until pods can be created in it. */
  async namespace(name: string, labels: Body = {}, annotations: Body = {}): Promise<void> {
    const metadata = { name, labels, annotations };
    await this.do(breakGlass, create('/api/v1/namespaces', { metadata }));
    await eventually(() => this.do(admin, get(`/api/v1/namespaces/${name}/serviceaccounts/default`)), {
      what: `${name} has its default ServiceAccount`,
    });
  }

  /** Waits until a namespace that is being deleted is gone. */
  async untilGone(namespace: string): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}`;
    await eventually(async () => (await this.send(admin, get(path))).status === 404, {
      what: `namespace ${namespace} is gone`,
      timeoutMs: 60_000,
    });
  }

  async #applyFile(url: URL, kinds = /./): Promise<void> {
    for (const document of parseAllDocuments(readFileSync(url, 'utf8'))) {
      const object = parse(String(document), { maxAliasCount: -1 }) as KubeObject;
      if (object.kind.endsWith('Binding') && object.metadata.name === process.env.WITHOUT_BINDING) continue;
      if (!kinds.test(object.kind)) continue;
      const path = `/apis/${object.apiVersion}/${pluralOf(object.kind)}`;
      await this.do(admin, create(path, { ...object }));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.close();
    await this.controlPlane.stop();
  }
}

interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

function pluralOf(kind: string): string {
  return kind.endsWith('y') ? `${kind.slice(0, -1).toLowerCase()}ies` : `${kind.toLowerCase()}s`;
}

export const baselines = '/apis/securitybaseline.io/v1alpha1/securitybaselines';

export function baselineMeta(name: string, labels: Body = {}): Body {
  return { apiVersion: 'securitybaseline.io/v1alpha1', kind: 'SecurityBaseline', metadata: { name, labels } };
}

export const get = (path: string): Call => ({ method: 'GET', path });
export const remove = (path: string, body?: Body): Call => ({ method: 'DELETE', path, body });
export const create = (path: string, body: Body): Call => ({ method: 'POST', path, body });
export const replace = (path: string, body: Body): Call => ({ method: 'PUT', path, body });
export const mergePatch = (path: string, body: Body): Call => ({
  method: 'PATCH',
  path,
  body,
  contentType: 'application/merge-patch+json',
});
/** Server-side apply by another manager, taking over what it names. */
export const apply = (path: string, body: Body): Call => ({
  method: 'PATCH',
  path: `${path}?fieldManager=somebody-else&force=true`,
  body,
  contentType: 'application/apply-patch+yaml',
});
/** Admission sees the request; nothing is stored. */
export const dryRun = (call: Call): Call => ({
  ...call,
  path: `${call.path}${call.path.includes('?') ? '&' : '?'}dryRun=All`,
});

const tenantRole = {
  metadata: { name: 'tenant' },
  rules: [
    '',
    'apps',
    'batch',
    'networking.k8s.io',
    'rbac.authorization.k8s.io',
    'cilium.io',
    'crd.projectcalico.org',
    'projectcalico.org',
  ].map((group) => ({ apiGroups: [group], resources: ['*'], verbs: ['*'] })),
};
const tenantRoleBinding = {
  metadata: { name: 'tenant' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'tenant' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'tenants' }],
};
