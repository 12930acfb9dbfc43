import { randomBytes } from 'node:crypto';
import { eventually } from './eventually.ts';
import type { Body, RestClient, ServedObject } from './rest-client.ts';

/** A condition of a status. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
}

/** A baseline's status as served. */
export interface Status {
  readonly observedGeneration?: number;
  readonly namespaces?: Readonly<Record<'selected' | 'hardened' | 'failing' | 'uncovered', number>>;
  readonly failing?: readonly {
    readonly namespace: string;
    readonly reason: string;
    readonly message: string;
  }[];
  readonly conditions?: readonly Condition[];
}

/** A status, easier to read: `conditions.Ready` is `True Reconciled`. */
export interface ReadableStatus extends Omit<Status, 'conditions'> {
  readonly conditions: Readonly<Record<string, string>>;
  readonly messages: Readonly<Record<string, string>>;
}

/**
 * A baseline, the namespaces it selects by a label value that no other test uses, and what has to be taken
 * away afterwards. Namespaces are deleted, but not waited for.
 */
export class Scenario implements AsyncDisposable {
  /** The baseline's name. */
  readonly name = `s${randomBytes(4).toString('hex')}`;
  /** What selects: put on every namespace made by {@link namespace}. */
  readonly label: Readonly<Record<string, string>>;
  readonly #admin: RestClient;
  readonly #namespaces = new Set<string>();

  constructor(admin: RestClient) {
    this.#admin = admin;
    this.label = { 'test.example.com/scenario': this.name };
  }

  /** Creates the baseline, or gives it another spec; it selects this scenario's namespaces unless it says otherwise. */
  async baseline(spec: Body): Promise<ServedObject> {
    const target = { kind: 'SecurityBaseline', name: this.name } as const;
    const whole = { namespaceSelector: { matchLabels: this.label }, ...spec };
    const current = await this.#admin.find(target);
    if (current === undefined) return await this.#admin.create(target, { spec: whole });
    return await this.#admin.replace({ ...current, spec: whole });
  }

  /** Deletes the baseline and waits until it is gone. */
  async deleteBaseline(): Promise<void> {
    await this.#admin.delete({ kind: 'SecurityBaseline', name: this.name });
  }

  /** Creates a namespace named after the scenario. */
  async namespace(suffix = 'a', labels: Readonly<Record<string, string>> = this.label): Promise<string> {
    return await this.namespaceNamed(`${this.name}-${suffix}`, labels);
  }

  async namespaceNamed(name: string, labels: Readonly<Record<string, string>> = this.label): Promise<string> {
    this.#namespaces.add(name);
    await this.#admin.create({ kind: 'Namespace', name }, { metadata: { labels } });
    return name;
  }

  /** The baseline's status. */
  async status(): Promise<ReadableStatus> {
    const { status = {} } = await this.#admin.get({ kind: 'SecurityBaseline', name: this.name });
    const { conditions = [], ...rest } = status as Status;
    return {
      ...rest,
      conditions: Object.fromEntries(
        conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]),
      ),
      messages: Object.fromEntries(conditions.map(({ type, message }) => [type, message])),
    };
  }

  /** Resolves when the status says that so many namespaces are selected and all of them hardened, at this generation. */
  async hardened(selected = 1): Promise<ReadableStatus> {
    return await eventually(
      async () => {
        const { metadata } = await this.#admin.get({ kind: 'SecurityBaseline', name: this.name });
        const status = await this.status();
        const { observedGeneration, namespaces, conditions } = status;
        const isThere =
          observedGeneration === metadata.generation &&
          namespaces?.selected === selected &&
          namespaces.hardened === selected &&
          conditions.AllHardened === 'True Hardened';
        if (!isThere) throw new Error(JSON.stringify(status));
        return status;
      },
      { what: `${this.name} has hardened ${selected} namespaces`, timeoutMs: 30_000 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.deleteBaseline();
    await Promise.all(
      Array.from(this.#namespaces, (name) => this.#admin.delete({ kind: 'Namespace', name })),
    );
  }
}
