/** Pods that the new Pod Security level would refuse: the API server says so, when asked by a dry run. */
import { podSecurityLabels, refusesAll, standing } from '../../baseline/pod-security.ts';
import type { WorkloadName } from '../../connectivity/model.ts';
import type { ObservedNamespace } from '../../diff/observed-namespace.ts';
import { isApiError } from '../../kube/api-error.ts';
import type { ClusterReader } from '../cluster/cluster-reader.ts';
import type { Evaluation } from '../cluster/fleet.ts';
import type { PodRecord } from '../cluster/pod-record.ts';
import type { WarningClient } from '../cluster/warning-client.ts';
import { standardRules } from '../live/admission-rules.ts';
import { breaches } from './admission-violations.ts';
import type { PlannedChanges } from './object-changes.ts';
import type { Violation } from './report.ts';

/** Dry runs under way at once: quick for many namespaces, and no burden to the API server. */
const parallel = 8;

/** Whom to ask, and about what. */
export interface PodSecurityQuestion {
  readonly pods: readonly PodRecord[];
  readonly client: WarningClient;
  readonly reader: ClusterReader;
  readonly after: Evaluation;
}

/**
 * Asks about each namespace whose enforced level rises, or gets a newer version.
 *
 * Source: https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-namespace-labels/
 */
export async function podSecurityViolations(
  planned: readonly PlannedChanges[],
  { pods, client, reader, after }: PodSecurityQuestion,
): Promise<readonly Violation[]> {
  const workloads = new Map(pods.map(({ namespace, name, workload }) => [`${namespace}/${name}`, workload]));
  const questions = planned.flatMap(({ namespace, changes }) => {
    const labels = changes.find((change) => change.action === 'label')?.labels;
    const enforce = podSecurityLabels('enforce');
    const next = { ...namespace.labels, ...labels };
    const isRaised = !refusesAll(standing('enforce', namespace.labels), standing('enforce', next));
    return isRaised
      ? [
          {
            namespace,
            labels: { [enforce.level]: next[enforce.level], [enforce.version]: next[enforce.version] },
          },
        ]
      : [];
  });
  const unasked = (namespace: ObservedNamespace): readonly Violation[] => {
    reader.note({
      reason: 'forbidden',
      permission: 'patch namespaces',
      namespace: undefined,
      consequence: 'pods have been held against the new Pod Security level here, and not by the API server',
    });
    const own = pods.filter((pod) => pod.namespace === namespace.name);
    return breaches({ namespace, pods: own, exposing: [] }, after, standardRules, 'pod-security');
  };
  const answers: (readonly Violation[])[] = questions.map(() => []);
  let next = 0;
  const ask = async (): Promise<void> => {
    for (let at = next++; at < questions.length; at = next++) {
      const question = questions[at];
      if (question !== undefined)
        answers[at] =
          (await askAbout(question.namespace.name, question.labels, client)) ?? unasked(question.namespace);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, questions.length) }, ask));
  return answers.flat().map((violation) => nameWorkload(violation, workloads));
}

/** Undefined where the user may not ask. */
async function askAbout(
  namespace: string,
  labels: Readonly<Record<string, string | undefined>>,
  client: WarningClient,
): Promise<readonly Violation[] | undefined> {
  const operation = { verb: 'patch', resource: 'namespaces', name: namespace } as const;
  try {
    const path = `/api/v1/namespaces/${namespace}`;
    const warnings = await client.dryRunPatch(path, { metadata: { labels } }, operation);
    return warnings.flatMap((warning) => violationOf(namespace, warning));
  } catch (error) {
    if (isApiError(error, 'forbidden')) return undefined;
    if (isApiError(error, 'notFound')) return [];
    throw error;
  }
}

/** People know the workload; the name of a pod says little, and is another one tomorrow. */
function nameWorkload(violation: Violation, workloads: ReadonlyMap<string, WorkloadName>): Violation {
  const [, pod = '', others = ''] = /^Pod (\S+)(.*)$/.exec(violation.subject) ?? [];
  const workload = workloads.get(`${violation.namespace}/${pod}`);
  if (workload === undefined || workload.kind === 'Pod') return violation;
  return { ...violation, subject: `${workload.kind} ${workload.name}${others}` };
}

/** A headline without a pod, a line for each kind of pod, and perhaps a word on how many were looked at. */
function violationOf(namespace: string, warning: string): Violation[] {
  if (warning.startsWith('existing pods in namespace')) return [];
  const match = /^(\S+(?: \(and \d+ other pods?\))?): (.+)$/s.exec(warning);
  return [
    {
      rule: 'pod-security',
      namespace,
      subject: match?.[1] === undefined ? 'pods' : `Pod ${match[1]}`,
      message: match?.[2] ?? warning,
    },
  ];
}
