/** Words that the text and the Markdown form of a plan share. */
import { type PlanReport, summaryOf, type Violation } from './report.ts';

/** More names than this are counted, not listed. */
const mostListed = 6;

/** `1 namespace`, `2 namespaces`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/**
 * Names, the first of them where there are many.
 *
 * @param all how many there are, where not all of them are given
 */
export function listed(names: readonly string[], isVerbose: boolean, all = names.length): string {
  const shown = isVerbose ? names.length : all <= mostListed ? all : mostListed - 1;
  const rest = all - Math.min(shown, names.length);
  return `${names.slice(0, shown).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** `2 pod-security, 1 quota`. */
export function violationCounts(violations: readonly Violation[]): string {
  const byRule = Map.groupBy(violations, ({ rule }) => rule);
  return [...byRule].map(([rule, found]) => `${found.length} ${rule}`).join(', ');
}

/** The plan in one sentence, without its full stop. */
export function summaryText(report: PlanReport): string {
  const { create, change, delete: deleted, release, namespaces } = summaryOf(report);
  const { connections, violations } = report;
  return [
    [
      `${create} to create`,
      `${change} to change`,
      `${deleted} to delete`,
      ...(release > 0 ? [`${release} to leave behind`] : []),
      `in ${count(namespaces, 'namespace')}`,
    ]
      .join(', ')
      .replace(/, in /, ' in '),
    connections === undefined
      ? 'connections not known'
      : `${count(connections.cutPairs, 'connection')} cut, ${connections.openedPairs} opened`,
    count(violations.length, 'violation'),
  ].join('; ');
}
