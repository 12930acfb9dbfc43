/** Manifests against the baselines that would apply: pure, so that tests need no files. */
import type { SecurityBaseline } from '../../api/types.generated.ts';
import type { ManifestObject } from '../manifests/manifest-object.ts';
import type { FieldPath, SourceLocation } from '../manifests/source-location.ts';
import { rules } from './catalogue.ts';
import { ignoredBy } from './ignored.ts';
import type { Rule, Scope, Severity } from './rule.ts';
import { type NamespaceAssumptions, scopesOf } from './scopes.ts';

/** A broken rule, with all that there is to say of it. */
export interface Finding {
  readonly rule: Rule;
  readonly severity: Severity;
  readonly object: ManifestObject;
  /** Where the object is, or would be; undefined for one that is in no namespace. */
  readonly namespace: string | undefined;
  readonly path: FieldPath;
  readonly location: SourceLocation;
  readonly message: string;
  readonly baseline?: string;
}

/** A finding that its object asks to leave out of account. */
export interface IgnoredFinding {
  readonly finding: Finding;
  readonly reason: string;
}

/** All findings, sorted by place. */
export interface CheckResult {
  readonly findings: readonly Finding[];
  readonly ignored: readonly IgnoredFinding[];
}

/** Holds the objects against the baselines, by every rule of the catalogue. */
export function check(
  objects: readonly ManifestObject[],
  baselines: readonly SecurityBaseline[],
  assumptions: NamespaceAssumptions,
): CheckResult {
  const all = scopesOf(objects, baselines, assumptions).flatMap(({ enforced, audited }) => {
    const refused = findingsIn(enforced);
    if (audited === undefined) return refused;
    // What only a baseline in Audit mode minds is no refusal yet.
    const known = new Set(refused.map(keyOf));
    const watched = findingsIn(audited).filter((finding) => !known.has(keyOf(finding)));
    return [...refused, ...watched.map((finding) => ({ ...finding, severity: 'warning' as const }))];
  });
  const findings: Finding[] = [];
  const ignored: IgnoredFinding[] = [];
  for (const finding of distinct(all).sort(byPlace)) {
    const reason = ignoredBy(finding.object).reasons.get(finding.rule.id);
    if (reason === undefined) findings.push(finding);
    else ignored.push({ finding, reason });
  }
  return { findings, ignored };
}

function findingsIn(scope: Scope): Finding[] {
  return rules.flatMap((rule) =>
    [...rule.check(scope)].map(({ object, path, message, baseline, severity = rule.severity }) => ({
      rule,
      severity,
      object,
      namespace: scope.kind === 'namespace' ? scope.namespace : undefined,
      path,
      location: object.locate(path),
      message,
      ...(baseline === undefined ? {} : { baseline }),
    })),
  );
}

function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [keyOf(finding), finding])).values()];
}

/** Without the baseline: what two of them mind is one thing to mend. */
function keyOf({ rule, object, namespace, path, location, message }: Finding): string {
  const { file, line, column } = location;
  return JSON.stringify([rule.id, file, line, column, object.kind, namespace, object.name, path, message]);
}

function byPlace(a: Finding, b: Finding): number {
  return (
    compare(a.location.file, b.location.file) ||
    a.location.line - b.location.line ||
    a.location.column - b.location.column ||
    compare(a.rule.id, b.rule.id) ||
    compare(a.message, b.message)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
