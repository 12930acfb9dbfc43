import { beforeAll, describe, expect, it } from 'vitest';
import { AuditLog } from '../../support/audit-log.ts';
import { eventually } from '../../support/eventually.ts';
import { type Body, breakGlass, type Call, create, dryRun, mergePatch, tenant } from './cluster.ts';
import { container, paths, pod, templates } from './pods.ts';
import type { ClusterOf } from './table.ts';

const evil = { containers: [container({ image: 'evil.example.com/a:1' })] };
const service: Body = { metadata: { name: 'web' }, spec: { type: 'NodePort', ports: [{ port: 80 }] } };
const policy: Body = { metadata: { name: 'mine' }, spec: { podSelector: {}, ingress: [{}] } };

const calls: readonly (readonly [title: string, call: Call, rule: string])[] = [
  ['a pod', pod('audited', evil), 'admission.images.registries'],
  ['a held pod', pod('audited'), 'admission.holdPodsUntilHardened'],
  ...templates('audited', evil).map(
    ([kind, call]) => [`a ${kind}`, call, 'admission.images.registries'] as const,
  ),
  ['a Service', create(paths.services('audited'), service), 'admission.exposure.forbid'],
  ['a NetworkPolicy', create(paths.networkPolicies('audited'), policy), 'networkPolicy.tenantPolicies'],
  [
    'a namespace',
    mergePatch('/api/v1/namespaces/audited', { metadata: { labels: { audited: 'no' } } }),
    'leaving',
  ],
];

/** What the API server calls it in its audit log. Source: https://kubernetes.io/docs/reference/labels-annotations-taints/audit-annotations/ */
const failureAnnotation = 'validation.policy.admission.k8s.io/validation_failure';

/** What a baseline in mode Audit would refuse passes, with a warning. */
export function auditTests(cluster: ClusterOf): void {
  describe('a baseline in mode Audit warns of', () => {
    beforeAll(async () => {
      await cluster().baseline('audit', {
        namespaceSelector: { matchLabels: { audited: 'yes' } },
        mode: 'Audit',
        networkPolicy: { defaultDeny: ['Ingress'], tenantPolicies: 'Restrict' },
        admission: {
          holdPodsUntilHardened: true,
          images: { registries: ['registry.example.com/'] },
          exposure: { forbid: ['NodePort'] },
        },
      });
      await cluster().namespace('audited', { audited: 'yes' });
      const probe = dryRun(pod('audited', evil));
      await eventually(
        async () => (await cluster().send(tenant, probe)).warnings.includes('baseline audit'),
        {
          what: 'the baseline in mode Audit warns',
        },
      );
    });

    for (const [title, call, rule] of calls) {
      it(`${title}, to the user and in the audit log, and lets it pass`, async () => {
        const log = new AuditLog(cluster().controlPlane.auditLogPath ?? '');
        const mark = await log.mark();
        const answer = await cluster().send(tenant, dryRun(call));
        expect(answer.status).toBeLessThan(300);
        expect(answer.warnings).toContain(
          `would be denied were it not in mode Audit: baseline audit, ${rule}: `,
        );
        const audited = (await log.since(mark))
          .filter(({ impersonatedUser }) => impersonatedUser?.username === tenant.name)
          .map(({ annotations }) => annotations?.[failureAnnotation] ?? '');
        expect(audited.join()).toContain(
          `would be denied were it not in mode Audit: baseline audit, ${rule}: `,
        );
        expect((await cluster().send(breakGlass, dryRun(call))).warnings).not.toContain('baseline audit');
      });
    }
  });
}
