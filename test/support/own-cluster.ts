import { ControlPlane, type ControlPlaneOptions } from '../../tools/controlplane/control-plane.ts';
import { type HarnessOptions, OperatorHarness } from './operator-harness.ts';

/** How the cluster is made, and the operator run. */
export type OwnClusterOptions = Omit<ControlPlaneOptions, 'auditLevel'> &
  Omit<HarnessOptions, 'controlPlane'>;

/** A control plane of a test's own, which it may harm or count on, with the operator installed but not running. */
export class OwnCluster implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly harness: OperatorHarness;

  protected constructor(controlPlane: ControlPlane, harness: OperatorHarness) {
    this.controlPlane = controlPlane;
    this.harness = harness;
  }

  static async start(options: OwnClusterOptions = {}): Promise<OwnCluster> {
    const controlPlane = await ControlPlane.start({ ...options, auditLevel: 'Metadata' });
    try {
      const shared = Object.assign(controlPlane, { auditLogPath: controlPlane.auditLogPath ?? '' });
      return new OwnCluster(
        controlPlane,
        await OperatorHarness.install({ ...options, controlPlane: shared }),
      );
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.harness[Symbol.asyncDispose]();
    await this.controlPlane.stop();
  }
}
