import isMatch from 'lodash/isMatch.js';
import type { KubernetesObject } from '../../src/api/objects.ts';
import { find, missingIn, quota, selectedLabels } from './expected.ts';
import type { Observer } from './observer.ts';
import type { Body, Stage } from './stage.ts';

/** What tampering takes: an administrator's permissions. */
export type Hands = Pick<Stage, 'create' | 'delete' | 'merge' | 'apply'>;

/** Something that somebody does to a namespace, and what is claimed to come of it. */
export interface Tampering {
  /** What a person would type to the same effect. */
  readonly commands: readonly string[];
  /** What is so again afterwards, in words. */
  readonly outcome: string;
  readonly namespace: string;
  /** The object that is to be put back. */
  readonly target: { readonly kind: string; readonly name: string };
  /** The reason of the Event that tells the tenant. */
  readonly reason: string;
  /** Does it. Resolves with the target's resource version afterwards, or nothing where it was deleted. */
  readonly tamper: (hands: Hands) => Promise<string | undefined>;
}

/** What the tampering came to. */
export interface Repair {
  /** From the API server's answer to the tampering until a watch showed the namespace whole again. Milliseconds. */
  readonly durationMs: number;
  /** The Event's note. */
  readonly note: string;
}

const deny = { kind: 'NetworkPolicy', name: 'tenant.default-deny' };

function networkPolicy(namespace: string, spec: Record<string, unknown>): Body {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: deny.kind,
    metadata: { name: deny.name, namespace },
    spec,
  };
}

/** One after the other, each in a namespace where nothing else happens at that time. */
export const tamperings: readonly Tampering[] = [
  {
    commands: ['kubectl -n shop delete networkpolicy tenant.default-deny'],
    outcome: 'the deny policy is back',
    namespace: 'shop',
    target: deny,
    reason: 'DriftRepaired',
    tamper: async (hands) => {
      await hands.delete(networkPolicy('shop', {}));
      return undefined;
    },
  },
  {
    commands: [
      'kubectl -n billing apply --server-side --field-manager=pipeline -f open.yaml',
      '# open.yaml adds "ingress: [{}]" to tenant.default-deny: anybody may come in',
    ],
    outcome: 'closed, though the baseline leaves that field empty',
    namespace: 'billing',
    target: deny,
    reason: 'DriftRepaired',
    tamper: async (hands) => await hands.apply(networkPolicy('billing', { ingress: [{}] }), 'pipeline'),
  },
  {
    commands: ['kubectl -n search edit quota tenant.compute  # pods: 100, now 5000'],
    outcome: 'the quota is 100 pods again',
    namespace: 'search',
    target: { kind: 'ResourceQuota', name: 'tenant.compute' },
    reason: 'DriftRepaired',
    tamper: async (hands) =>
      await hands.merge({
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'tenant.compute', namespace: 'search' },
        spec: { hard: { ...quota, pods: '5000' } },
      }),
  },
  {
    commands: [
      'kubectl label --overwrite namespace shop \\',
      '    pod-security.kubernetes.io/enforce=privileged',
    ],
    outcome: 'Pod Security is restricted again',
    namespace: 'shop',
    target: { kind: 'Namespace', name: 'shop' },
    reason: 'DriftRepaired',
    tamper: async (hands) =>
      await hands.merge({
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'shop', labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
      }),
  },
  {
    commands: [
      'kubectl -n playground apply -f impostor.yaml',
      '# a policy of the name tenant.default-deny that allows everybody in',
      'kubectl label --overwrite namespace playground environment=prod',
    ],
    outcome: 'hardened, and the impostor is replaced',
    namespace: 'playground',
    target: deny,
    reason: 'ImpostorReplaced',
    tamper: async (hands) => {
      const allowAll = { podSelector: {}, policyTypes: ['Ingress'], ingress: [{}] };
      const impostor = await hands.create(networkPolicy('playground', allowAll));
      const metadata = { name: 'playground', labels: selectedLabels };
      await hands.merge({ apiVersion: 'v1', kind: 'Namespace', metadata });
      return impostor;
    },
  },
];

/**
 * Tampers, and waits until the namespace is whole again and its tenant has been told.
 *
 * @throws NotAsClaimedError
 */
export async function tamperAndWait(
  hands: Hands,
  observer: Observer,
  { namespace, target, reason, tamper }: Tampering,
): Promise<Repair> {
  const wanted = { kind: 'Event', metadata: { namespace }, reason, regarding: target };
  const events = (): KubernetesObject[] => observer.all().filter((object) => isMatch(object, wanted));
  const before = find(observer, namespace, target);
  const told = new Set(events().map(({ metadata }) => metadata.name));
  const tampered = await tamper(hands);
  const answeredAt = performance.now();
  const what = `${target.kind} ${target.name} in ${namespace}`;
  // The watch may not have shown the tampering itself yet, so being whole is not enough: it must be news.
  const isNews = (object: KubernetesObject | undefined): boolean =>
    object !== undefined &&
    (tampered === undefined ? object.metadata.uid !== before?.metadata.uid : isLater(object, tampered));
  const repairedAt = await observer.until(`${what} is as the baseline declares`, () => [
    ...(isNews(find(observer, namespace, target)) ? [] : [`${what} as it was`]),
    ...missingIn(observer, namespace),
  ]);
  let note = '';
  await observer.until(`an Event ${reason} about ${what}`, () => {
    const event = events().find(({ metadata }) => !told.has(metadata.name));
    note = String(event?.note ?? '');
    return event === undefined ? ['no such Event'] : [];
  });
  return { durationMs: repairedAt - answeredAt, note };
}

/** Resource versions of one resource are ordered (Kubernetes 1.35 and later say so). */
function isLater(object: KubernetesObject, version: string): boolean {
  return BigInt(object.metadata.resourceVersion ?? 0) > BigInt(version);
}
