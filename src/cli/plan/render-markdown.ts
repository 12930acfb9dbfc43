/** A plan for the comment on a pull request. */
import { partialLines } from '../cluster/gap.ts';
import { type ConnectionGroup, isEmptyPlan, type PlanReport } from './report.ts';
import { count, listed, summaryText, violationCounts } from './wording.ts';

/** Comments are bounded (65,536 characters at GitHub), and so is what anybody reads there. */
const mostRows = 100;

/** The plan as GitHub-flavoured Markdown. */
export function renderMarkdown(report: PlanReport): string {
  const { subjects, objects, connections, violations, notes, gaps } = report;
  const names = subjects.map(
    ({ kind, namespace, name }) => `${kind} \`${namespace === undefined ? '' : `${namespace}/`}${name}\``,
  );
  const lines = [
    `### Plan for ${names.join(', ')}`,
    '',
    isEmptyPlan(report) ? 'No changes.' : `**${summaryText(report)}.**`,
    '',
    ...subjects.flatMap(({ name, gained, lost, problems }) => [
      ...(gained.length > 0 ? [`- \`${name}\` gains ${listed(gained.map(code), false)}`] : []),
      ...(lost.length > 0 ? [`- \`${name}\` loses ${listed(lost.map(code), false)}`] : []),
      ...problems.map((problem) => `- \`${name}\`: cannot be had: ${escaped(problem)}`),
    ]),
    ...notes.map((note) => `- ${escaped(note)}`),
    ...partialLines(gaps).map((line) => `> ${escaped(line.trim())}`),
    '',
    ...(connections === undefined
      ? []
      : [
          ...connectionTable(':scissors: Connections cut', connections.cutPairs, connections.cut),
          ...connectionTable(':unlock: Connections opened', connections.openedPairs, connections.opened),
        ]),
    ...(violations.length === 0
      ? []
      : [
          `#### :warning: Violations: ${violationCounts(violations)}`,
          '',
          '| namespace | what | why | rule |',
          '|---|---|---|---|',
          ...violations
            .slice(0, mostRows)
            .map(({ rule, namespace, subject, message }) =>
              row([code(namespace), escaped(subject), escaped(message), rule]),
            ),
          ...more(violations.length),
          '',
        ]),
    ...objects
      .slice(0, mostRows)
      .flatMap(({ namespaces, changes }) => [
        '<details>',
        `<summary>${count(changes.length, 'object')} in ${listed(namespaces, false)}</summary>`,
        '',
        '```diff',
        ...changes.flatMap(({ action, kind, name, diff }) => [
          `${{ create: '+', change: '!', delete: '-', release: '-' }[action]} ${kind} ${name}`,
          ...(action === 'change' ? diff.map(({ mark, text }) => `${mark}     ${text}`) : []),
        ]),
        '```',
        '',
        '</details>',
        '',
      ]),
    ...more(objects.length),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function connectionTable(title: string, pairs: number, groups: readonly ConnectionGroup[]): string[] {
  if (pairs === 0) return [];
  return [
    `#### ${title}: ${count(pairs, 'pair')}`,
    '',
    '| from | to | connections |',
    '|---|---|---|',
    ...groups
      .slice(0, mostRows)
      .map((each) =>
        row([
          listed(each.sources.map(code), false, each.sourceCount),
          listed(each.destinations.map(code), false, each.destinationCount),
          each.connections,
        ]),
      ),
    ...more(groups.length),
    '',
  ];
}

function more(all: number): string[] {
  return all > mostRows ? ['', `... and ${all - mostRows} more`] : [];
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}

function code(text: string): string {
  return `\`${text.replaceAll('`', "'")}\``;
}

/** Text from a cluster is text here, not markup. */
function escaped(text: string): string {
  return text.replace(/[<>&*_[\]`\\]/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
