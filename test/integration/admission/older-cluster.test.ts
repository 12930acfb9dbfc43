import { afterAll, beforeAll, expect, test } from 'vitest';
import { ControlPlane } from '../../../tools/controlplane/control-plane.ts';
import { OperatorHarness } from '../../support/operator-harness.ts';

let controlPlane: ControlPlane;
let harness: OperatorHarness;

/** As before Kubernetes 1.30: admissionregistration.k8s.io/v1 is served, but not the policies in it. */
const withoutPolicies = [
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
].map((resource) => `admissionregistration.k8s.io/v1/${resource}=false`);

beforeAll(async () => {
  controlPlane = await ControlPlane.start({
    auditLevel: 'Metadata',
    extraFlags: {
      'kube-apiserver': [
        `--runtime-config=${withoutPolicies.join(',')}`,
        '--disable-admission-plugins=ValidatingAdmissionPolicy,MutatingAdmissionPolicy',
      ],
    },
  });
  const { auditLogPath = '' } = controlPlane;
  harness = await OperatorHarness.start({ controlPlane: Object.assign(controlPlane, { auditLogPath }) });
});
afterAll(async () => {
  await harness?.[Symbol.asyncDispose]();
  await controlPlane?.stop();
});

test('an API server without ValidatingAdmissionPolicy: a condition says that admission is off, and the rest works', async () => {
  await using scenario = harness.scenario();
  await scenario.baseline({
    networkPolicy: { defaultDeny: ['Ingress'] },
    admission: { holdPodsUntilHardened: true },
  });
  await scenario.namespace();
  const { conditions, messages } = await scenario.hardened();

  expect(conditions).toMatchObject({ Ready: 'True Reconciled', AdmissionOff: 'True PoliciesMissing' });
  expect(messages.AdmissionOff).toContain('no ValidatingAdmissionPolicy (Kubernetes before 1.30)');
});
