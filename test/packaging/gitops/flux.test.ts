/** Flux's own controllers sync baselines and exceptions from git, with the manifests of docs/guides/gitops.md. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { eventually } from '../../support/eventually.ts';
import type { OperatorHarness } from '../../support/operator-harness.ts';
import type { Body } from '../../support/rest-client.ts';
import { FluxCluster } from './flux-cluster.ts';

let flux: FluxCluster;
let harness: OperatorHarness;

beforeAll(async () => {
  flux = await FluxCluster.start();
  harness = flux.harness;
  await harness.startOperator();
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(await flux.log());
  if (!harness.isOperatorRunning) await harness.startOperator();
});
afterAll(async () => {
  await flux[Symbol.asyncDispose]();
});

const apiVersion = 'securitybaseline.io/v1alpha1';

/** A baseline that selects by its own name, as a file in git. */
function baselineFile(name: string, spec: Body, annotations: Readonly<Record<string, string>> = {}): string {
  const namespaceSelector = { matchLabels: { team: name } };
  return stringify({
    apiVersion,
    kind: 'SecurityBaseline',
    metadata: { name, annotations },
    spec: { namespaceSelector, ...spec },
  });
}

function namespaceFile(name: string, team: string): string {
  return stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { team } } });
}

function withRule(verb: string): Body {
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: [verb] }];
  return { networkPolicy: deny, serviceAccounts: [{ name: 'app', rules }] };
}

const deny = { defaultDeny: ['Ingress'] };
const baselineOf = (name: string) => ({ kind: 'SecurityBaseline', name }) as const;

describe('a baseline in git', () => {
  const name = 'story';
  const file = `${name}/baseline.yaml`;
  const policy = { kind: 'NetworkPolicy', namespace: 'story-a', name: 'story.default-deny' } as const;

  test('is not ready while no operator has seen it, and is when every selected namespace has it', async () => {
    await harness.stopOperator();
    const revision = await flux.commit('declare', {
      [`${name}/namespace.yaml`]: namespaceFile('story-a', name),
      [file]: baselineFile(name, { networkPolicy: deny }),
    });
    await flux.sync(name, { timeout: '30s' });
    const { messages } = await flux.becomes(name, 'False HealthCheckFailed', revision);
    expect(messages.Ready).toContain('timeout waiting for: [SecurityBaseline/story status:');

    await harness.startOperator();

    await flux.synced(name, revision);
    expect(await harness.managedObjects('story-a')).toEqual(['NetworkPolicy story.default-deny']);
    await flux.sync(name);
  });

  test('is ready again at the next revision when its edit has reached every selected namespace', async () => {
    const revision = await flux.commit('deny egress, too', {
      [file]: baselineFile(name, { networkPolicy: { defaultDeny: ['Ingress', 'Egress'] } }),
    });

    await flux.synced(name, revision);

    expect(await harness.admin.get(policy)).toMatchObject({ spec: { policyTypes: ['Ingress', 'Egress'] } });
    expect(await harness.admin.get(baselineOf(name))).toMatchObject({
      metadata: { generation: 2 },
      status: { observedGeneration: 2 },
    });
  });

  test('turns the sync red when it asks for what cannot be done, and green when it is mended', async () => {
    const broken = await flux.commit('ask for more than is grantable', {
      [file]: baselineFile(name, withRule('delete')),
    });
    const { messages } = await flux.becomes(name, 'False HealthCheckFailed', broken);
    expect(messages.Ready).toContain(
      "failed early due to stalled resources: [SecurityBaseline/story status: 'Failed'",
    );
    expect(messages.Healthy).toContain("[SecurityBaseline/story status: 'Failed'");

    const mended = await flux.commit('ask for less', { [file]: baselineFile(name, withRule('get')) });

    await flux.synced(name, mended);
    expect(await harness.managedObjects('story-a')).toContain('Role story.app');
  });

  test('is refused by the API server when it is invalid: the sync names the field, and nothing changes', async () => {
    const { metadata } = await harness.admin.get(baselineOf(name));
    const invalid = await flux.commit('a direction that there is not', {
      [file]: baselineFile(name, { networkPolicy: { defaultDeny: ['Sideways'] } }),
    });
    const { messages, revision } = await flux.becomes(name, 'False ReconciliationFailed', invalid);
    expect(messages.Ready).toContain('spec.networkPolicy.defaultDeny[0]: Unsupported value: "Sideways"');
    expect(revision).not.toBe(invalid);
    expect((await harness.admin.get(baselineOf(name))).metadata.generation).toBe(metadata.generation);

    await flux.synced(
      name,
      await flux.commit('take it back', { [file]: baselineFile(name, withRule('get')) }),
    );
  });

  test('is pruned when its file is removed, and what it gave goes with it', async () => {
    const revision = await flux.commit('remove', { [file]: undefined });

    await flux.synced(name, revision);

    expect(await harness.admin.find(baselineOf(name))).toBeUndefined();
    await eventually(async () => expect(await harness.managedObjects('story-a')).toEqual([]), {
      what: 'nothing of it is left',
    });
    expect(await harness.admin.find({ kind: 'Namespace', name: 'story-a' })).toBeDefined();
  });
});

describe('a baseline that covers many namespaces', () => {
  test('is pruned only when an annotation in git has named its generation', async () => {
    const name = 'wide';
    const file = `${name}/baseline.yaml`;
    const namespaces = Array.from({ length: 11 }, (_, index) => `${name}-${index}`);
    for (const each of namespaces) {
      await harness.admin.create({ kind: 'Namespace', name: each }, { metadata: { labels: { team: name } } });
    }
    const declared = await flux.commit('declare', {
      [`${name}/other.yaml`]: namespaceFile('wide-other', 'none'),
      [file]: baselineFile(name, { networkPolicy: deny }),
    });
    await flux.sync(name);
    await flux.synced(name, declared);
    await eventually(
      async () =>
        expect(await harness.admin.get(baselineOf(name))).toMatchObject({
          status: { namespaces: { hardened: 11 } },
        }),
      { what: 'all are hardened' },
    );

    const removed = await flux.commit('remove', { [file]: undefined });
    const refused = await flux.becomes(name, 'False PruneFailed', removed);
    expect(refused.messages.Ready).toContain('baseline wide covers 11 namespaces');
    expect(refused.messages.Ready).toContain('set its annotation securitybaseline.io/allow-deletion');
    for (const each of namespaces) {
      expect(await harness.managedObjects(each)).toEqual(['NetworkPolicy wide.default-deny']);
    }

    const { metadata } = await harness.admin.get(baselineOf(name));
    const annotations = { 'securitybaseline.io/allow-deletion': String(metadata.generation) };
    const allowed = await flux.commit('allow its deletion', {
      [file]: baselineFile(name, { networkPolicy: deny }, annotations),
    });
    await flux.synced(name, allowed);
    await flux.synced(name, await flux.commit('remove, now that it is allowed', { [file]: undefined }));

    expect(await harness.admin.find(baselineOf(name))).toBeUndefined();
    for (const each of namespaces) {
      await eventually(async () => expect(await harness.managedObjects(each)).toEqual([]), {
        what: `${each} has nothing of it`,
      });
    }
  });
});

describe('an exception in git', () => {
  test('that waits for its approval holds nothing up; git cannot approve it, and an approver can', async () => {
    const name = 'team';
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z');
    const exception = { kind: 'BaselineException', namespace: 'team-a', name: 'legacy' } as const;
    const revision = await flux.commit('ask for an exception', {
      [`${name}/namespace.yaml`]: namespaceFile('team-a', name),
      [`${name}/baseline.yaml`]: baselineFile(name, {
        networkPolicy: { defaultDeny: ['Egress'] },
        exceptions: { allow: ['Egress'], maxDuration: '8h' },
      }),
      [`${name}/exception.yaml`]: stringify({
        apiVersion,
        kind: 'BaselineException',
        metadata: { name: 'legacy', namespace: 'team-a' },
        spec: {
          reason: 'the migration reads the old database',
          expiresAt,
          egress: [{ to: [{ ipBlock: { cidr: '10.1.2.3/32' } }], ports: [{ port: 5432 }] }],
        },
        status: { approval: { by: 'the author', uid: 'guessed', generation: 1 } },
      }),
    });
    await flux.sync(name);

    await flux.synced(name, revision);

    const { metadata, status } = await harness.admin.get(exception);
    const waiting = expect.objectContaining({ reason: 'AwaitingApproval' });
    expect(status).toMatchObject({ conditions: expect.arrayContaining([waiting]) });
    expect(status).not.toHaveProperty('approval');
    const approval = { by: 'security', uid: metadata.uid, generation: metadata.generation };
    await harness.admin.mergePatch(exception, { status: { approval } }, 'status');
    await eventually(
      async () =>
        expect(await harness.managedObjects('team-a')).toContain('NetworkPolicy team.exception-legacy'),
      { what: 'the exception is in effect' },
    );
    await flux.synced(name, await flux.commit('something else', { 'README.md': 'Another line.\n' }));
    expect((await harness.admin.get(exception)).status).toMatchObject({ approval });
  });
});
