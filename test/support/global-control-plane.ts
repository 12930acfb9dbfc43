import type { TestProject } from 'vitest/node';
import { ControlPlane } from '../../tools/controlplane/control-plane.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** What a test worker needs to use the shared control plane; see control-plane.ts. */
    controlPlane: { directory: string; serverUrl: string; auditLogPath: string };
  }
}

/** Starts the one control plane that all integration tests of a run share; vitest calls the returned teardown. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const controlPlane = await ControlPlane.start({ auditLevel: 'Metadata' });
  const { directory, serverUrl, auditLogPath = '' } = controlPlane;
  project.provide('controlPlane', { directory, serverUrl, auditLogPath });
  return () => controlPlane.stop();
}
