import { afterAll, beforeAll, expect, test } from 'vitest';
import { OwnCluster } from '../../support/own-cluster.ts';

let cluster: OwnCluster;

/** As before Kubernetes 1.30: admissionregistration.k8s.io/v1 is served, but not the policies in it. */
const withoutPolicies = [
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
].map((resource) => `admissionregistration.k8s.io/v1/${resource}=false`);

beforeAll(async () => {
  cluster = await OwnCluster.start({
    extraFlags: {
      'kube-apiserver': [
        `--runtime-config=${withoutPolicies.join(',')}`,
        '--disable-admission-plugins=ValidatingAdmissionPolicy,MutatingAdmissionPolicy',
      ],
    },
  });
  await cluster.harness.startOperator();
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

test('an API server without ValidatingAdmissionPolicy: a condition says that admission is off, and the rest works', async () => {
  await using scenario = cluster.harness.scenario();
  await scenario.baseline({
    networkPolicy: { defaultDeny: ['Ingress'] },
    admission: { holdPodsUntilHardened: true },
  });
  await scenario.namespace();
  const { conditions, messages } = await scenario.hardened();

  expect(conditions).toMatchObject({ Ready: 'True Reconciled', AdmissionOff: 'True PoliciesMissing' });
  expect(messages.AdmissionOff).toContain('no ValidatingAdmissionPolicy (Kubernetes before 1.30)');
});
