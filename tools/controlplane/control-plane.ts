import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { ControlPlaneAccess } from './access.ts';
import { findBinaries } from './binaries.ts';
import {
  type AuditLevel,
  type Component,
  type ComponentContext,
  flags,
  type Ports,
  prepare,
  probe,
  startOrder,
} from './components.ts';
import { freePort } from './free-port.ts';
import { layout } from './layout.ts';
import { Progress } from './progress.ts';
import { type SupervisedProcess, Supervisor } from './supervisor.ts';

export type { AuditLevel, Component } from './components.ts';

/** How a control plane is to be started. */
export interface ControlPlaneOptions {
  /** Write an audit log at this level; none by default. */
  readonly auditLevel?: AuditLevel;
  /** Further flags per component, such as `{ 'kube-apiserver': ['--watch-cache=false'] }`; the last of a kind wins. */
  readonly extraFlags?: Partial<Record<Component, readonly string[]>>;
  /** Where to say what takes long (obtaining the binaries); standard error by default. */
  readonly progress?: Progress;
  /** Gives up starting; what was started is stopped and removed. */
  readonly signal?: AbortSignal;
}

const readyTimeoutMs = 60_000;
const pollIntervalMs = 50;
/** How long a component may take to end after SIGTERM before it is killed. */
const stopTimeoutMs = 3000;
/** A port can be taken by somebody else between being found free and being listened on. */
const portAttempts = 3;
const logTailLines = 15;

/**
 * A real control plane on this machine: etcd, kube-apiserver and kube-controller-manager, on loopback, with
 * RBAC, in a temporary directory. Nothing of it outlives {@link stop} or the process that started it,
 * however that process ends.
 *
 *     await using controlPlane = await ControlPlane.start();
 */
export class ControlPlane extends ControlPlaneAccess implements AsyncDisposable {
  /** Where the audit log is written, one JSON event per line; undefined when none was asked for. */
  readonly auditLogPath: string | undefined;
  readonly #run: Run;

  private constructor(run: Run, serverUrl: string) {
    super(run.supervisor.directory, serverUrl);
    this.#run = run;
    this.auditLogPath = run.auditLevel === undefined ? undefined : layout.auditLog(this.directory);
  }

  /**
   * Starts a control plane, in about three seconds once the binaries are there. It is ready when the API
   * server says so and the ServiceAccount default/default exists, without which no pod can be created.
   *
   * @throws when a component cannot start, with the end of its log; nothing is left behind then.
   */
  static async start(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
    const { signal } = options;
    const progress = options.progress ?? new Progress();
    const binaries = await findBinaries({ progress, ...(signal ? { signal } : {}) });
    const supervisor = await Supervisor.launch();
    try {
      const run = new Run(supervisor, binaries, options);
      await prepare(supervisor.directory, options.auditLevel);
      await run.startOnFreePorts('etcd');
      await run.startOnFreePorts('kube-apiserver');
      const controlPlane = new ControlPlane(run, `https://127.0.0.1:${run.ports['kube-apiserver']}`);
      await controlPlane.writeAdminKubeconfig();
      await run.startOnFreePorts('kube-controller-manager');
      const admin = new KubeConfig();
      admin.loadFromFile(controlPlane.adminKubeconfig);
      const core = admin.makeApiClient(CoreV1Api);
      await run.until('kube-controller-manager', async () => {
        await core.readNamespacedServiceAccount({ namespace: 'default', name: 'default' });
      });
      return controlPlane;
    } catch (error) {
      await supervisor.close();
      throw error;
    }
  }

  /** The process id of a component, or undefined when it does not run. */
  pid(component: Component): number | undefined {
    return this.#run.processes.get(component)?.pid;
  }

  /** Where etcd serves its clients, such as `https://127.0.0.1:40124`: gRPC, and its v3 API as JSON over HTTP. */
  get etcdUrl(): string {
    return `https://127.0.0.1:${this.#run.ports.etcd}`;
  }

  /** What etcd takes: its authority's certificate, and a client certificate with its key. PEM. */
  get etcdCredentials(): { readonly ca: string; readonly cert: string; readonly key: string } {
    const read = (name: string): string => readFileSync(layout.pki(this.directory, name), 'utf8');
    return { ca: read('etcd-ca.crt'), cert: read('etcd-client.crt'), key: read('etcd-client.key') };
  }

  /** The file a component's output goes to. */
  logPath(component: Component): string {
    return layout.log(this.directory, component);
  }

  /**
   * Ends a component as an administrator would (SIGTERM, SIGKILL after three seconds) and starts it again on
   * the same ports with the same flags; a component that was killed is just started. Resolves when ready.
   */
  async restart(component: Component): Promise<void> {
    await this.#run.end(component);
    await this.#run.start(component);
  }

  /** Kills a component with SIGKILL and leaves it dead until {@link restart}. */
  async kill(component: Component): Promise<void> {
    await this.#run.end(component, 'SIGKILL');
  }

  /** Freezes a component (SIGSTOP): its connections stay open and nobody answers. */
  pause(component: Component): void {
    this.#run.supervisor.signal(component, 'SIGSTOP');
  }

  /** Lets a frozen component go on. */
  resume(component: Component): void {
    this.#run.supervisor.signal(component, 'SIGCONT');
  }

  /** Ends all components and removes the directory. May be called again. */
  async stop(): Promise<void> {
    for (const component of startOrder.toReversed()) await this.#run.end(component);
    await this.#run.supervisor.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The processes of one control plane. */
class Run {
  readonly supervisor: Supervisor;
  readonly processes = new Map<Component, SupervisedProcess>();
  readonly ports: Ports = { etcd: 0, etcdPeer: 0, 'kube-apiserver': 0, 'kube-controller-manager': 0 };
  readonly auditLevel: AuditLevel | undefined;
  readonly #binaries: Record<Component, string>;
  readonly #extraFlags: Partial<Record<Component, readonly string[]>>;
  readonly #signal: AbortSignal | undefined;

  constructor(supervisor: Supervisor, binaries: Record<Component, string>, options: ControlPlaneOptions) {
    this.supervisor = supervisor;
    this.auditLevel = options.auditLevel;
    this.#binaries = binaries;
    this.#extraFlags = options.extraFlags ?? {};
    this.#signal = options.signal;
  }

  get #context(): ComponentContext {
    return { directory: this.supervisor.directory, ports: this.ports, auditLevel: this.auditLevel };
  }

  async startOnFreePorts(component: Component): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.ports[component] = await freePort();
      if (component === 'etcd') this.ports.etcdPeer = await freePort();
      try {
        await this.start(component);
        return;
      } catch (error) {
        const isPortTaken = error instanceof ComponentEndedError && /address already in use/.test(error.log);
        if (!isPortTaken || attempt === portAttempts) throw error;
      }
    }
  }

  async start(component: Component): Promise<void> {
    const context = this.#context;
    const args = [...flags[component](context), ...(this.#extraFlags[component] ?? [])];
    const log = layout.log(context.directory, component);
    const process = await this.supervisor.spawn(component, this.#binaries[component], args, log);
    this.processes.set(component, process);
    void process.ended.then(() => this.processes.delete(component));
    await this.until(component, () => probe(component, context));
  }

  /** Waits until a check passes, for as long as the component runs. */
  async until(component: Component, check: () => Promise<void>): Promise<void> {
    const deadline = Date.now() + readyTimeoutMs;
    for (;;) {
      this.#signal?.throwIfAborted();
      if (!this.processes.has(component)) throw await this.#endedError(component);
      try {
        await check();
        return;
      } catch (error) {
        if (Date.now() > deadline) {
          const seconds = readyTimeoutMs / 1000;
          const tail = await this.#logTail(component);
          throw new Error(
            `${component} was not ready within ${seconds} s (${String(error)}); the end of its log:\n${tail}`,
            { cause: error },
          );
        }
      }
      await sleep(pollIntervalMs);
    }
  }

  async end(component: Component, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const process = this.processes.get(component);
    if (process === undefined) return;
    this.supervisor.signal(component, signal);
    // A frozen process takes SIGTERM only when it goes on.
    this.supervisor.signal(component, 'SIGCONT');
    const killer = setTimeout(() => this.supervisor.signal(component, 'SIGKILL'), stopTimeoutMs);
    await process.ended;
    clearTimeout(killer);
  }

  async #endedError(component: Component): Promise<ComponentEndedError> {
    return new ComponentEndedError(component, await this.#logTail(component));
  }

  async #logTail(component: Component): Promise<string> {
    const log = await readFile(layout.log(this.supervisor.directory, component), 'utf8').catch(() => '');
    return log.trimEnd().split('\n').slice(-logTailLines).join('\n');
  }
}

/** A component that ended while it was expected to become ready. */
export class ComponentEndedError extends Error {
  /** The end of the component's log. */
  readonly log: string;

  constructor(component: Component, log: string) {
    super(`${component} ended while starting; the end of its log:\n${log}`);
    this.name = 'ComponentEndedError';
    this.log = log;
  }
}
