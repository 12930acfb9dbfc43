import { eventually } from '../support/eventually.ts';
import type { Body, RestClient, ServedObject, Target } from '../support/rest-client.ts';
import { RestError } from '../support/rest-client.ts';
import { form } from './form.ts';
import { inParallel, patiently } from './patiently.ts';

type NamedTarget = Target & { readonly name: string };

const label = 'chaos.example.com/fleet';
const atOnce = 8;

/** Every kind of object and both shared ones: seven objects, the Pod Security labels, the default ServiceAccount. */
const spec = {
  networkPolicy: { defaultDeny: ['Ingress', 'Egress'], allow: { dns: {} } },
  limitRanges: [
    { name: 'defaults', spec: { limits: [{ type: 'Container', defaultRequest: { cpu: '100m' } }] } },
  ],
  serviceAccounts: [
    { name: 'app', rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }] },
  ],
  defaultServiceAccount: { automountToken: false },
};

/** One baseline, the namespaces that it is to select, others that it is not, and what belongs to somebody else in both. */
export class Fleet implements AsyncDisposable {
  /** The baseline's name. */
  readonly name: string;
  /** Put on a namespace, makes the baseline select it. */
  readonly label: Readonly<Record<string, string>>;
  /** Namespaces that are to be hardened. */
  readonly selected = new Set<string>();
  /** Namespaces that are to be left alone. */
  readonly others = new Set<string>();
  /** What nobody may touch, as it was made. */
  readonly foreign = new Map<NamedTarget, string>();
  /** As last declared: what a namespace may have, and the Pod Security level it enforces. */
  pods = '50';
  level = 'baseline';
  /** Where the audit log was when there was nothing of all this. */
  readonly bornAt: number;
  readonly #admin: RestClient;
  #grown = 0;

  private constructor(admin: RestClient, name: string, bornAt: number) {
    this.#admin = admin;
    this.name = name;
    this.bornAt = bornAt;
    this.label = { [label]: name };
  }

  static async declare(admin: RestClient, name: string, bornAt: number): Promise<Fleet> {
    const fleet = new Fleet(admin, name, bornAt);
    await admin.create({ kind: 'SecurityBaseline', name }, { spec: fleet.#spec });
    return fleet;
  }

  get #spec(): Body {
    const quota = { name: 'compute', spec: { hard: { pods: this.pods } } };
    const podSecurity = { enforce: this.level };
    return { namespaceSelector: { matchLabels: this.label }, ...spec, resourceQuotas: [quota], podSecurity };
  }

  /** Edits the baseline: from now on a namespace may have so many pods. */
  async allowPods(pods: string): Promise<void> {
    this.pods = pods;
    await this.#edit();
  }

  /** Edits the baseline: from now on a namespace enforces this Pod Security level. */
  async enforce(level: 'baseline' | 'restricted'): Promise<void> {
    this.level = level;
    await this.#edit();
  }

  async #edit(): Promise<void> {
    await patiently(async () => {
      const current = await this.#admin.get({ kind: 'SecurityBaseline', name: this.name });
      await this.#admin.replace({ ...current, spec: this.#spec });
    });
  }

  /** Creates so many more namespaces that are to be hardened; waits out an API server that is away. */
  async grow(count: number): Promise<void> {
    const names = Array.from({ length: count }, (_, index) => `${this.name}-${this.#grown + index}`);
    this.#grown += count;
    await inParallel(names, atOnce, (name) => this.add(name));
  }

  /** Creates a namespace that is to be hardened. */
  async add(name: string): Promise<void> {
    this.selected.add(name);
    await this.#create({ kind: 'Namespace', name }, { metadata: { labels: this.label } });
  }

  /** Deletes a namespace, and waits until it is gone. */
  async remove(name: string): Promise<void> {
    const target = { kind: 'Namespace', name } as const;
    this.selected.delete(name);
    await patiently(() => this.#admin.delete(target));
    await eventually(async () => (await this.#admin.find(target)) === undefined, {
      what: `${name} is gone`,
      timeoutMs: form.patienceMs,
    });
  }

  /** Creates namespaces that are not to be touched, and in them and in as many selected ones what belongs to others. */
  async plantForeignObjects(count: number): Promise<void> {
    const outside = Array.from({ length: count }, (_, index) => `${this.name}-outside-${index}`);
    for (const name of outside) {
      this.others.add(name);
      await this.#create({ kind: 'Namespace', name });
      // Named as ours are, in a namespace that is none of our business.
      await this.#plant(
        { kind: 'NetworkPolicy', namespace: name, name: `${this.name}.default-deny` },
        {
          spec: { podSelector: {}, policyTypes: ['Egress'] },
        },
      );
    }
    const inside = [...this.selected].slice(0, count);
    for (const namespace of [...outside, ...inside]) {
      for (const [target, content] of tenantsOwn(namespace)) await this.#plant(target, content);
    }
  }

  /** Deletes every namespace and the baseline, and waits for none of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await inParallel([...this.selected, ...this.others], atOnce, (name) =>
      patiently(() => this.#admin.delete({ kind: 'Namespace', name })),
    );
    await patiently(() => this.#admin.delete({ kind: 'SecurityBaseline', name: this.name }));
  }

  async #plant(target: NamedTarget, content: Body): Promise<void> {
    await this.#create(target, content);
    this.foreign.set(target, fingerprintOf(await this.#admin.get(target)));
  }

  async #create(target: NamedTarget, content: Body = {}): Promise<void> {
    try {
      await patiently(() => this.#admin.create(target, content));
    } catch (error) {
      // Done the first time, when the answer was lost.
      if (!(error instanceof RestError && error.status === 409)) throw error;
    }
  }
}

/** All of an object but its version, to the byte. */
export function fingerprintOf(object: ServedObject): string {
  return JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: '' } });
}

/** None of it opens what the baseline denies. */
function tenantsOwn(namespace: string): readonly (readonly [NamedTarget, Body])[] {
  const rules = [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'patch'] }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'deployer' };
  const denied = { podSelector: { matchLabels: { app: 'store' } }, policyTypes: ['Ingress'] };
  return [
    [{ kind: 'NetworkPolicy', namespace, name: 'store' }, { spec: denied }],
    [
      // Copied from one of ours, label and all; without a baseline's UID it is not ours.
      { kind: 'NetworkPolicy', namespace, name: 'copied' },
      {
        metadata: { labels: { 'app.kubernetes.io/managed-by': 'security-baseline-operator' } },
        spec: denied,
      },
    ],
    [{ kind: 'Role', namespace, name: 'deployer' }, { rules }],
    [
      { kind: 'RoleBinding', namespace, name: 'deployer' },
      { roleRef, subjects: [{ kind: 'ServiceAccount', name: 'ci', namespace }] },
    ],
    [{ kind: 'ServiceAccount', namespace, name: 'ci' }, { automountServiceAccountToken: true }],
    [
      { kind: 'LimitRange', namespace, name: 'own' },
      { spec: { limits: [{ type: 'Pod', max: { memory: '8Gi' } }] } },
    ],
    [{ kind: 'ConfigMap', namespace, name: 'settings' }, { data: { 'log-level': 'info' } }],
  ];
}
