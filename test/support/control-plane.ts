import { KubeConfig } from '@kubernetes/client-node';
import { inject } from 'vitest';
import { ControlPlaneAccess } from '../../tools/controlplane/access.ts';

/** The control plane that the integration tests share: to be used, not to be stopped or restarted. */
export interface SharedControlPlane extends ControlPlaneAccess {
  /** One JSON event per line, at level Metadata. */
  readonly auditLogPath: string;
}

/**
 * The shared control plane of this run. A test that restarts or kills a component starts a ControlPlane of its
 * own instead.
 */
export function sharedControlPlane(): SharedControlPlane {
  const { directory, serverUrl, auditLogPath } = inject('controlPlane');
  return Object.assign(new ControlPlaneAccess(directory, serverUrl), { auditLogPath });
}

/** Loads a kubeconfig file, for clients of any API group: `load(path).makeApiClient(CoreV1Api)`. */
export function loadKubeconfig(path: string): KubeConfig {
  const kubeconfig = new KubeConfig();
  kubeconfig.loadFromFile(path);
  return kubeconfig;
}
