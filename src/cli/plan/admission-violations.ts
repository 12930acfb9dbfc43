/** What runs and the rules of a baseline's spec.admission would refuse. */
import type { KubernetesObject } from '../../api/objects.ts';
import type { ObservedNamespace } from '../../diff/observed-namespace.ts';
import type { Rule } from '../check/rule.ts';
import type { Evaluation } from '../cluster/fleet.ts';
import type { PodRecord } from '../cluster/pod-record.ts';
import { admissionRules } from '../live/admission-rules.ts';
import { liveScope, podObject } from '../live/live-scope.ts';
import type { Violation } from './report.ts';

/** What the rules are held against. */
export interface AdmissionInput {
  readonly namespace: ObservedNamespace;
  readonly pods: readonly PodRecord[];
  /** Services and Ingresses. */
  readonly exposing: readonly KubernetesObject[];
}

/** What is refused after and was not before. What runs goes on; its next version, or next pod, is refused. */
export function admissionViolations(
  input: AdmissionInput,
  before: Evaluation,
  after: Evaluation,
): readonly Violation[] {
  if (!hasAdmission(after)) return [];
  const known = new Set(breaches(input, before, admissionRules, 'admission').map(keyOf));
  return breaches(input, after, admissionRules, 'admission').filter((each) => !known.has(keyOf(each)));
}

/** What rules find in a live namespace, once for each workload. */
export function breaches(
  { namespace, pods, exposing }: AdmissionInput,
  evaluation: Evaluation,
  rules: readonly Rule[],
  kind: 'admission' | 'pod-security',
): readonly Violation[] {
  const workloads = new Map(pods.map((pod) => [`${pod.workload.kind} ${pod.workload.name}`, pod]));
  const scope = liveScope(namespace, evaluation, [...[...workloads.values()].map(podObject), ...exposing]);
  const found = rules.flatMap((rule) =>
    Array.from(rule.check(scope), ({ object, message, baseline, severity }): Violation | undefined => {
      if (severity === 'warning') return undefined;
      const { workload } = object.object as { workload?: PodRecord['workload'] };
      const of = baseline === undefined ? '' : ` (baseline ${baseline})`;
      return {
        rule: kind,
        namespace: namespace.name,
        subject:
          workload === undefined ? `${object.kind} ${object.name}` : `${workload.kind} ${workload.name}`,
        message: `${message}${of}`,
      };
    }),
  );
  const unique = new Map(found.filter((each) => each !== undefined).map((each) => [keyOf(each), each]));
  return [...unique.values()];
}

function hasAdmission({ baselines }: Evaluation): boolean {
  return baselines.some(({ spec }) => spec.admission !== undefined);
}

function keyOf({ namespace, subject, message }: Violation): string {
  return `${namespace} ${subject} ${message}`;
}
