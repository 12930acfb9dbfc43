import type { ControlPlane, ControlPlaneOptions } from '../../tools/controlplane/control-plane.ts';
import { layout } from '../../tools/controlplane/layout.ts';
import { CertificateAuthority } from '../../tools/controlplane/pki.ts';
import {
  OperatorProcess,
  operatorNamespace,
  operatorServiceAccount,
} from '../../tools/operator/operator-process.ts';
import type { AuditLog } from '../support/audit-log.ts';
import { FaultyProxy } from '../support/faulty-proxy.ts';
import { OwnCluster } from '../support/own-cluster.ts';
import type { RestClient } from '../support/rest-client.ts';
import { Fleet } from './fleet.ts';
import type { Random } from './random.ts';

/** How an operator is run here. */
export interface ChaosOperatorOptions {
  /** By default one with a token of its own. */
  readonly kubeconfig?: string;
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** For scenarios in which there is one operator at a time, and nobody should wait for a dead one's Lease. */
export const alone: readonly string[] = ['--no-leader-elect'];

/** A control plane that may be harmed, with the operator installed but not running. */
export class ChaosCluster implements AsyncDisposable {
  readonly #cluster: OwnCluster;

  private constructor(cluster: OwnCluster) {
    this.#cluster = cluster;
  }

  static async start(options: ControlPlaneOptions = {}): Promise<ChaosCluster> {
    const { extraFlags = {} } = options;
    const cluster = await OwnCluster.start({
      ...options,
      extraFlags: {
        ...extraFlags,
        // The log is read from remembered places, so it must not be rotated away.
        'kube-apiserver': ['--audit-log-maxsize=10000', ...(extraFlags['kube-apiserver'] ?? [])],
      },
    });
    return new ChaosCluster(cluster);
  }

  get controlPlane(): ControlPlane {
    return this.#cluster.controlPlane;
  }

  /** Who reads and writes beside the operator, past every proxy. */
  get admin(): RestClient {
    return this.#cluster.harness.admin;
  }

  get audit(): AuditLog {
    return this.#cluster.harness.audit;
  }

  /** A kubeconfig of the operator's ServiceAccount, with a new token. */
  async kubeconfig(): Promise<string> {
    return await this.controlPlane.kubeconfigForServiceAccount(operatorNamespace, operatorServiceAccount);
  }

  /** Starts an operator; resolves when it serves its probes. */
  async operator(options: ChaosOperatorOptions = {}): Promise<OperatorProcess> {
    return await OperatorProcess.start({
      ...options,
      kubeconfig: options.kubeconfig ?? (await this.kubeconfig()),
    });
  }

  /** Starts a proxy to the API server, known by the API server's own authority. */
  async proxy(random: Random): Promise<FaultyProxy> {
    const { serverUrl, ca, directory } = this.controlPlane;
    const identity = CertificateAuthority.readFrom(layout.pki(directory, 'ca')).issue({
      commonName: 'proxy',
      hosts: ['127.0.0.1'],
    });
    return await FaultyProxy.start({ serverUrl, ca, identity, random: random.next });
  }

  /** Declares a baseline, for namespaces of its own. Gone, with them, when it goes out of scope. */
  async fleet(name: string): Promise<Fleet> {
    return await Fleet.declare(this.admin, name, await this.audit.mark());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster[Symbol.asyncDispose]();
  }
}
