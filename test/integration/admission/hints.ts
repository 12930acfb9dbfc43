import { beforeAll, describe, expect, it } from 'vitest';
import { admissionLabel } from '../../../src/api/labels.ts';
import { eventually } from '../../support/eventually.ts';
import { type Body, breakGlass, type Call, create, dryRun, mergePatch, tenant } from './cluster.ts';
import { container, paths, pod, templates } from './pods.ts';
import type { ClusterOf } from './table.ts';

const evil = { containers: [container({ image: 'evil.example.com/a:1' })] };
const service: Body = { metadata: { name: 'web' }, spec: { type: 'NodePort', ports: [{ port: 80 }] } };
const policy: Body = { metadata: { name: 'mine' }, spec: { podSelector: {}, ingress: [{}] } };
const unselect = (namespace: string): Call =>
  mergePatch(`/api/v1/namespaces/${namespace}`, { metadata: { labels: { hinted: null } } });

/** What an author's label spares admission is only what it would not have found anything in. */
export function hintTests(cluster: ClusterOf): void {
  describe('a label that says what admission will find in a baseline', () => {
    const calls = [
      pod('hinted', evil),
      ...templates('hinted', evil).map(([, call]) => call),
      create(paths.services('hinted'), service),
      create(paths.networkPolicies('hinted'), policy),
      unselect('hinted'),
    ].map(dryRun);

    beforeAll(async () => {
      const everything = {
        networkPolicy: { defaultDeny: ['Ingress'], tenantPolicies: 'Restrict' },
        admission: {
          images: { registries: ['registry.example.com/'] },
          exposure: { forbid: ['NodePort'] },
        },
      };
      const create = (name: string, label: string, spec: Body): Promise<unknown> =>
        cluster().baseline(
          name,
          { namespaceSelector: { matchLabels: { hinted: label === 'none' ? 'none' : 'yes' } }, ...spec },
          { [admissionLabel]: label },
        );
      await create('says-enforce', 'enforce', everything);
      await create('says-audit', 'audit', { ...everything, mode: 'Audit' });
      await create('says-none', 'none', { podSecurity: { warn: 'baseline' } });
      await cluster().namespace('hinted', { hinted: 'yes' });
      await cluster().namespace('hinted-none', { hinted: 'none' });
      await cluster().untilDenied(tenant, dryRun(pod('hinted', evil)), /baseline says-enforce/);
      await eventually(
        async () =>
          expect((await cluster().send(tenant, dryRun(pod('hinted', evil)))).warnings).toContain(
            'baseline says-audit',
          ),
        { what: 'the baseline in mode Audit warns' },
      );
    });

    it.each(calls)('lets the enforcing one deny and the auditing one warn: $method $path', async (call) => {
      const { status, body, warnings } = await cluster().send(tenant, call);
      expect(status).toBe(403);
      expect(body.message).toContain('baseline says-enforce, ');
      expect(warnings).toContain('baseline says-audit, ');
      expect((await cluster().send(breakGlass, call)).status).toBeLessThan(300);
    });

    it('leaves the way out of a baseline guarded that asks nothing else', async () => {
      const call = dryRun(unselect('hinted-none'));
      expect(await cluster().outcome(tenant, call)).toContain('baseline says-none, leaving');
      expect(await cluster().outcome(breakGlass, call)).toBe('allowed');
    });
  });
}
