import { afterAll, beforeAll, describe, expect } from 'vitest';
import { ChaosCluster } from './chaos-cluster.ts';
import { chance, form } from './form.ts';
import { apiServerOutages } from './scenarios/api-server-outages.ts';
import { churn } from './scenarios/churn.ts';
import { clockJumps } from './scenarios/clock-jumps.ts';
import { compaction } from './scenarios/compaction.ts';
import { credentialRotation } from './scenarios/credential-rotation.ts';
import { faultyNetwork } from './scenarios/faulty-network.ts';
import { overload } from './scenarios/overload.ts';
import { priorityAndFairness } from './scenarios/priority-and-fairness.ts';
import { processDeath } from './scenarios/process-death.ts';
import { silentWatches } from './scenarios/silent-watches.ts';
import { splitBrain } from './scenarios/split-brain.ts';

// One control plane for all scenarios but compaction, which needs another kind: they harm it one after the other, and each
// leaves it working. What a scenario leaves behind to be deleted is noise for the next one.
describe(`chaos with seed ${chance.seed}`, () => {
  let cluster: ChaosCluster | undefined;
  beforeAll(async () => {
    console.log(`chaos: CHAOS_SEED=${chance.seed} repeats what chance decides here; ${JSON.stringify(form)}`);
    cluster = await ChaosCluster.start();
  });
  afterAll(async () => await cluster?.[Symbol.asyncDispose]());
  const current = (): ChaosCluster => {
    expect(cluster, 'the control plane has started').toBeDefined();
    return cluster as ChaosCluster;
  };

  priorityAndFairness(current);
  processDeath(current);
  apiServerOutages(current);
  compaction();
  faultyNetwork(current);
  overload(current);
  silentWatches(current);
  splitBrain(current);
  clockJumps(current);
  credentialRotation(current);
  churn(current);
});
