import { writeFile } from 'node:fs/promises';
import { ApiException, CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { layout } from './layout.ts';
import { type CertificateAndKey, CertificateAuthority } from './pki.ts';

/** Long enough for any run; the API server's own ceiling is higher. */
const tokenLifetimeSeconds = 24 * 60 * 60;

/**
 * Makes kubeconfigs for a running control plane. It works from the files in the control plane's directory
 * alone, so another process of the same user (a test worker, say) can make them too.
 */
export class ControlPlaneAccess {
  /** The control plane's directory. */
  readonly directory: string;
  /** Such as `https://127.0.0.1:40123`; the port stays the same when the API server is restarted. */
  readonly serverUrl: string;
  readonly #authority: CertificateAuthority;

  constructor(directory: string, serverUrl: string) {
    this.directory = directory;
    this.serverUrl = serverUrl;
    this.#authority = CertificateAuthority.readFrom(layout.pki(directory, 'ca'));
  }

  /** The certificate authority that verifies the API server, PEM. */
  get ca(): string {
    return this.#authority.certificate;
  }

  /** Path of the kubeconfig of a member of `system:masters`. */
  get adminKubeconfig(): string {
    return layout.adminKubeconfig(this.directory);
  }

  /** Writes the administrator's kubeconfig; the control plane does so as it starts. */
  async writeAdminKubeconfig(): Promise<void> {
    await writeFile(this.adminKubeconfig, this.#forUser('admin', ['system:masters']), { mode: 0o600 });
  }

  /**
   * Writes a kubeconfig for a user with a client certificate, which needs nothing in the cluster.
   * `system:authenticated` is added by the API server.
   *
   * @returns the path of the kubeconfig.
   */
  async kubeconfigForUser(user: string, groups: readonly string[] = []): Promise<string> {
    return await this.#write(user, this.#forUser(user, groups));
  }

  /**
   * Writes a kubeconfig for a ServiceAccount, which must exist, with a token valid for 24 hours.
   *
   * @returns the path of the kubeconfig.
   * @throws when the ServiceAccount does not exist.
   */
  async kubeconfigForServiceAccount(namespace: string, name: string): Promise<string> {
    const admin = new KubeConfig();
    admin.loadFromFile(this.adminKubeconfig);
    try {
      const { status } = await admin.makeApiClient(CoreV1Api).createNamespacedServiceAccountToken({
        namespace,
        name,
        body: { spec: { audiences: [], expirationSeconds: tokenLifetimeSeconds } },
      });
      return await this.#write(`${namespace}-${name}`, this.#kubeconfig(name, { token: status?.token }));
    } catch (error) {
      if (!(error instanceof ApiException) || error.code !== 404) throw error;
      throw new Error(`ServiceAccount ${namespace}/${name} does not exist: create it first`, {
        cause: error,
      });
    }
  }

  #forUser(user: string, groups: readonly string[]): string {
    const pair: CertificateAndKey = this.#authority.issue({ commonName: user, organizations: groups });
    return this.#kubeconfig(user, {
      'client-certificate-data': base64(pair.certificate),
      'client-key-data': base64(pair.privateKey),
    });
  }

  #kubeconfig(user: string, credentials: Record<string, string | undefined>): string {
    const cluster = { server: this.serverUrl, 'certificate-authority-data': base64(this.ca) };
    return stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'controlplane', cluster }],
      users: [{ name: user, user: credentials }],
      contexts: [{ name: 'controlplane', context: { cluster: 'controlplane', user } }],
      'current-context': 'controlplane',
    });
  }

  async #write(label: string, kubeconfig: string): Promise<string> {
    const unique = crypto.randomUUID().slice(0, 8);
    const readable = label.replaceAll(/[^\w.-]+/g, '-').slice(0, 100);
    const path = layout.kubeconfig(this.directory, `${readable}-${unique}`);
    await writeFile(path, kubeconfig, { mode: 0o600, flag: 'wx' });
    return path;
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
