import { ControlPlane } from '../../../tools/controlplane/control-plane.ts';
import { OperatorHarness } from '../../support/operator-harness.ts';

/** A control plane of its own, with the operator installed but not running. */
export class OwnCluster implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly harness: OperatorHarness;

  private constructor(controlPlane: ControlPlane, harness: OperatorHarness) {
    this.controlPlane = controlPlane;
    this.harness = harness;
  }

  /** @param flags for every operator that is run */
  static async start(flags: readonly string[] = []): Promise<OwnCluster> {
    const controlPlane = await ControlPlane.start({ auditLevel: 'Metadata' });
    try {
      const shared = Object.assign(controlPlane, { auditLogPath: controlPlane.auditLogPath ?? '' });
      return new OwnCluster(controlPlane, await OperatorHarness.install({ controlPlane: shared, flags }));
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
