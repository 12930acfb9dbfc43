import { formatPath } from '../../manifests/source-location.ts';
import type { Finding } from '../check.ts';
import { type Report, totals } from './report.ts';

/** For programs. Fields are only ever added; `version` would tell otherwise. */
export function jsonReport(report: Report): string {
  const { findings, ignored, problems, objects } = report;
  const document = {
    version: 1,
    summary: { ...totals(report), ignored: ignored.length, objects },
    findings: findings.map(entryOf),
    ignored: ignored.map(({ finding, reason }) => ({ ...entryOf(finding), reason })),
    problems,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function entryOf({ rule, severity, object, namespace, path, location, message, baseline }: Finding): object {
  return {
    rule: rule.id,
    ruleName: rule.name,
    severity,
    ...location,
    object: { apiVersion: object.apiVersion, kind: object.kind, namespace, name: object.name },
    path: formatPath(path),
    message,
    fix: rule.fix,
    baseline,
  };
}
