import { printable } from '../../manifests/unfold.ts';
import type { Paint } from '../../terminal.ts';
import type { Finding } from '../check.ts';
import { count, describeObject, type Report, totals } from './report.ts';

/** For people: a finding on two lines, with place, rule, what was found and what to do; then a summary. */
export function textReport(report: Report, paint: Paint): string {
  const lines = report.findings.flatMap((finding) => linesOf(finding, paint));
  return [...lines, summary(report)].map((line) => `${line}\n`).join('');
}

function linesOf(finding: Finding, paint: Paint): readonly string[] {
  const { rule, severity, location, message, baseline } = finding;
  const place = paint.strong(printable(`${location.file}:${location.line}:${location.column}`));
  const grade = severity === 'error' ? paint.bad(severity) : paint.warn(severity);
  const source = baseline === undefined ? '' : ` [baseline ${baseline}]`;
  return [
    `${place}: ${grade} ${rule.id} ${rule.name}: ${printable(`${describeObject(finding)}: ${message}${source}`)}`,
    paint.faint(`  ${rule.fix}`),
  ];
}

function summary(report: Report): string {
  const { errors, warnings } = totals(report);
  const found =
    errors + warnings === 0 ? 'No findings' : `${count(errors, 'error')} and ${count(warnings, 'warning')}`;
  const ignored = report.ignored.length === 0 ? '' : `, ${report.ignored.length} ignored`;
  return `${found} in ${count(report.objects, 'object')}${ignored}.`;
}
