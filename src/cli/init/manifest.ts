/** The baseline as a file that explains itself. */
import { apiVersion } from '../../api/labels.ts';
import type { Answers } from './answers.ts';
import { type Findings, findingLines } from './findings.ts';

/**
 * Writes the baseline, every choice spelt out, with what was found in the cluster on top.
 *
 * @param findings undefined where nobody looked
 */
export function baselineText(answers: Answers, findings: Findings | undefined): string {
  return [
    ...headerLines(answers, findings),
    `apiVersion: ${apiVersion}`,
    'kind: SecurityBaseline',
    'metadata:',
    `  name: ${answers.name}`,
    'spec:',
    ...selectionLines(answers),
    ...modeLines(answers),
    ...networkLines(answers),
    ...(answers.quotas ? quotaLines : []),
    '  # Pods that use the default ServiceAccount get no API token unless they ask for it.',
    '  defaultServiceAccount:',
    '    automountToken: false',
    ...podSecurityLines(answers),
    '  # What tenants may ask for in a BaselineException, and for how long at most.',
    '  exceptions:',
    '    allow: [Egress, Ingress, Quota]',
    '    maxDuration: 720h',
    '',
  ].join('\n');
}

function headerLines({ name }: Answers, findings: Findings | undefined): string[] {
  return [
    '# A security baseline, written by: kubectl baseline init',
    ...(findings === undefined
      ? []
      : ['# Found in the cluster:', ...findingLines(findings).map((line) => `#   ${line}`)]),
    `# See what it would do:  kubectl baseline plan -f ${name}.yaml`,
    `# Then apply it:         kubectl apply -f ${name}.yaml`,
  ];
}

function selectionLines({ selector, exclude }: Answers): string[] {
  const [key = '', value = ''] = (selector ?? '').split('=');
  return [
    ...(selector === undefined
      ? [
          '  # Every namespace, but the protected ones (kube-system and its like) and those excluded here. With no label to',
          '  # go by, there is none that could be taken off to escape.',
          '  namespaceSelector: {}',
        ]
      : [
          '  # Namespaces with this label. Who may change the label decides who is protected.',
          '  namespaceSelector:',
          '    matchLabels:',
          `      ${key}: ${JSON.stringify(value)}`,
        ]),
    ...(exclude.length > 0
      ? [
          '  # Names or globs.',
          `  excludeNamespaces: [${exclude.map((glob) => JSON.stringify(glob)).join(', ')}]`,
        ]
      : []),
  ];
}

function modeLines({ mode }: Answers): string[] {
  return mode === 'Audit'
    ? [
        '  # Audit computes and reports, and writes nothing. Change it to Enforce once the plan is what you want.',
        '  mode: Audit',
      ]
    : ['  # Enforce writes and repairs; Audit would only report.', '  mode: Enforce'];
}

function networkLines({ deny, gateway, monitoring, internet }: Answers): string[] {
  if (deny.length === 0) return [];
  const peer = (name: string, namespace: string, why: string): string[] => [
    `      ${name}:`,
    `        namespace: ${namespace}`,
    `        justification: ${why}`,
  ];
  return [
    '  networkPolicy:',
    '    # What is not allowed below, or by a NetworkPolicy of the namespace, is denied.',
    `    defaultDeny: [${deny.join(', ')}]`,
    '    allow:',
    ...(deny.includes('Egress') ? ["      # The cluster's DNS, found by itself.", '      dns: {}'] : []),
    '      # Pods of one namespace among themselves.',
    '      sameNamespace: {}',
    ...(deny.includes('Ingress') && gateway !== undefined
      ? [
          '      # From the gateway; ports would narrow it.',
          ...peer('gateway', gateway, 'serves what the namespace publishes'),
        ]
      : []),
    ...(deny.includes('Ingress') && monitoring !== undefined
      ? ['      # From the monitoring.', ...peer('monitoring', monitoring, 'scrapes metrics')]
      : []),
    ...(deny.includes('Egress') && internet !== undefined
      ? [
          '      # To public addresses: none that is private, of the cluster, or cloud metadata.',
          '      internet:',
          `        justification: ${JSON.stringify(internet)}`,
        ]
      : []),
    '    # Policies that tenants write add up with these. Restrict lets them name peers, and not open everything.',
    '    tenantPolicies: Restrict',
  ];
}

const quotaLines: readonly string[] = [
  '  # A beginning: compare with what is in use (the plan does) and adapt it.',
  '  resourceQuotas:',
  '    - name: compute',
  '      spec:',
  '        hard:',
  '          requests.cpu: "20"',
  '          requests.memory: 64Gi',
  '          pods: "200"',
  '  # With a quota on requests, a pod that gives none is refused: these are its defaults.',
  '  limitRanges:',
  '    - name: defaults',
  '      spec:',
  '        limits:',
  '          - type: Container',
  '            defaultRequest: { cpu: 50m, memory: 128Mi }',
];

function podSecurityLines({ podSecurity }: Answers): string[] {
  if (podSecurity === undefined) return [];
  return podSecurity === 'restricted'
    ? [
        '  # The strictest Pod Security Standard; what runs and does not meet it goes on, and starts no more.',
        '  podSecurity: { enforce: restricted, audit: restricted, warn: restricted }',
      ]
    : [
        '  # Known ways out of a container are closed; what falls short of the strictest standard is warned of.',
        '  podSecurity: { enforce: baseline, audit: restricted, warn: restricted }',
      ];
}
