import { afterAll, beforeAll, describe } from 'vitest';
import { auditTests } from './audit.ts';
import { AdmissionCluster } from './cluster.ts';
import { exposureTests } from './exposure.ts';
import { guardTests } from './guard.ts';
import { hintTests } from './hints.ts';
import { holdTests } from './hold.ts';
import { imageTests } from './images.ts';
import { membershipTests } from './membership.ts';
import { removalTests } from './removal.ts';
import { selectionTests } from './selection.ts';
import { tenantPolicyTests } from './tenant-policies.ts';
import { workloadTests } from './workloads.ts';

describe('admission without webhooks', () => {
  let cluster: AdmissionCluster;

  beforeAll(async () => {
    cluster = await AdmissionCluster.start({ auditLevel: 'Metadata' });
    await cluster.installPolicies();
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  guardTests(() => cluster);
  holdTests(() => cluster);
  imageTests(() => cluster);
  exposureTests(() => cluster);
  workloadTests(() => cluster);
  tenantPolicyTests(() => cluster);
  membershipTests(() => cluster);
  selectionTests(() => cluster);
  auditTests(() => cluster);
  hintTests(() => cluster);
  removalTests(() => cluster);
});
