/**
 * SARIF, which code scanning of forges reads.
 * Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 */
import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Location, Log, Notification, ReportingDescriptor, Result } from 'sarif';
import { formatPath, type ManifestProblem } from '../../manifests/source-location.ts';
import { rules } from '../catalogue.ts';
import type { Finding } from '../check.ts';
import { describeObject, type Report } from './report.ts';

/** @param version of this program */
export function sarifReport({ findings, ignored, problems }: Report, version: string): string {
  const log: Log = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'kubectl-baseline', version, rules: rules.map(descriptorOf) } },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful: problems.every(({ severity }) => severity !== 'error'),
            toolExecutionNotifications: problems.map(notificationOf),
          },
        ],
        results: [
          ...findings.map((finding) => resultOf(finding)),
          ...ignored.map(({ finding, reason }) => ({
            ...resultOf(finding),
            suppressions: [{ kind: 'inSource' as const, justification: reason }],
          })),
        ],
      },
    ],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function descriptorOf(rule: (typeof rules)[number]): ReportingDescriptor {
  return {
    id: rule.id,
    name: rule.name,
    shortDescription: { text: rule.title },
    fullDescription: { text: rule.help },
    help: { text: rule.fix },
    helpUri: rule.link,
    defaultConfiguration: { level: rule.severity },
  };
}

function resultOf(finding: Finding): Result {
  const { rule, severity, object, namespace, path, location, message } = finding;
  const identity = [
    rule.id,
    object.apiVersion,
    object.kind,
    namespace,
    object.name,
    formatPath(path),
    message,
  ];
  return {
    ruleId: rule.id,
    ruleIndex: rules.indexOf(rule),
    level: severity,
    message: { text: `${describeObject(finding)}: ${message}. ${rule.fix}` },
    locations: [
      { ...locationOf(location), logicalLocations: [{ fullyQualifiedName: describeObject(finding) }] },
    ],
    // Stays the same when lines are added above, so that a forge knows the finding again.
    partialFingerprints: {
      'finding/v1': createHash('sha256').update(JSON.stringify(identity)).digest('hex'),
    },
  };
}

function notificationOf(problem: ManifestProblem): Notification {
  return {
    level: problem.severity,
    message: { text: problem.message },
    locations: [locationOf(problem)],
  };
}

function locationOf({ file, line, column }: { file: string; line?: number; column?: number }): Location {
  return {
    physicalLocation: {
      artifactLocation: { uri: uriOf(file) },
      ...(line === undefined ? {} : { region: { startLine: line, startColumn: column ?? 1 } }),
    },
  };
}

function uriOf(file: string): string {
  if (file === '-') return 'stdin';
  if (isAbsolute(file)) return pathToFileURL(file).href;
  return file.replace(/^\.\//, '').split('/').map(encodeURIComponent).join('/');
}
