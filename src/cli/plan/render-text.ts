/** A plan for a terminal. */
import { partialLines } from '../cluster/gap.ts';
import type { Paint } from '../terminal.ts';
import {
  type ConnectionGroup,
  isEmptyPlan,
  type ObjectChange,
  type PlanReport,
  type Subject,
} from './report.ts';
import { count, listed, summaryText, violationCounts } from './wording.ts';

/** How many lines of each part are shown unless everything is asked for. */
const mostShown = 40;

/** How the text is to be. */
export interface TextOptions {
  readonly paint: Paint;
  /** Every group, line and name. */
  readonly isVerbose: boolean;
}

/** The plan as lines. */
export function renderText(report: PlanReport, options: TextOptions): string {
  const { paint } = options;
  const lines = [
    ...report.subjects.flatMap((subject) => subjectLines(subject, options)),
    ...objectLines(report, options),
    ...connectionLines(report, options),
    ...violationLines(report, options),
    ...report.notes.map((note) => `note: ${note}`),
    ...partialLines(report.gaps).map((line) => paint.warn(line)),
    ...(report.notes.length + report.gaps.length > 0 ? [''] : []),
    paint.strong(isEmptyPlan(report) ? 'No changes.' : `Plan: ${summaryText(report)}.`),
  ];
  return `${lines.join('\n')}\n`;
}

function subjectLines(
  { kind, name, namespace, action, gained, lost, selected, problems }: Subject,
  { paint, isVerbose }: TextOptions,
): string[] {
  const verbs = { create: 'new', change: 'changed', unchanged: 'as it is', delete: 'deleted' } as const;
  const where = namespace === undefined ? '' : `${namespace}/`;
  const selects = kind === 'SecurityBaseline' ? `, selects ${count(selected, 'namespace')}` : '';
  return [
    paint.strong(`${kind} ${where}${name}: ${verbs[action]}${selects}`),
    ...(gained.length > 0 ? [`  gains ${listed(gained, isVerbose)}`] : []),
    ...(lost.length > 0 ? [paint.warn(`  loses ${listed(lost, isVerbose)}`)] : []),
    ...problems.map((problem) => paint.warn(`  cannot be had: ${problem}`)),
    '',
  ];
}

const signs: Readonly<Record<ObjectChange['action'], string>> = {
  create: '+',
  change: '~',
  delete: '-',
  release: '-',
};

function objectLines({ objects }: PlanReport, { paint, isVerbose }: TextOptions): string[] {
  const shown = isVerbose ? objects : objects.slice(0, mostShown);
  const colours = { create: paint.good, change: paint.warn, delete: paint.bad, release: paint.bad } as const;
  return shown
    .flatMap(({ namespaces, changes }) => [
      paint.strong(`In ${listed(namespaces, isVerbose)}:`),
      ...changes.flatMap(({ action, kind, name, diff }) => [
        `  ${colours[action](`${signs[action]} ${kind} ${name}`)}${action === 'release' ? ' (left behind, no longer managed)' : ''}`,
        ...(action === 'change' || isVerbose ? diff : []).map(
          ({ mark, text }) =>
            `      ${mark === '+' ? paint.good(`+ ${text}`) : mark === '-' ? paint.bad(`- ${text}`) : paint.faint(`  ${text}`)}`,
        ),
      ]),
      '',
    ])
    .concat(more(objects.length - shown.length, 'group of namespaces', 'groups of namespaces'));
}

function connectionLines({ connections }: PlanReport, options: TextOptions): string[] {
  const { paint } = options;
  if (connections === undefined) return [paint.warn('Connections: not known, see below.'), ''];
  const { cutPairs, openedPairs, cut, opened } = connections;
  return [
    ...groupLines(
      cut,
      cutPairs === 0 ? 'No connections are cut.' : paint.bad(`Connections cut: ${count(cutPairs, 'pair')}`),
      options,
    ),
    ...groupLines(
      opened,
      openedPairs === 0
        ? 'No connections are opened.'
        : paint.warn(`Connections opened: ${count(openedPairs, 'pair')}`),
      options,
    ),
    '',
  ];
}

function groupLines(groups: readonly ConnectionGroup[], title: string, { isVerbose }: TextOptions): string[] {
  const shown = isVerbose ? groups : groups.slice(0, mostShown);
  return [
    title,
    ...shown.map(
      (each) =>
        `  ${listed(each.sources, isVerbose, each.sourceCount)} => ${listed(each.destinations, isVerbose, each.destinationCount)} : ${each.connections}`,
    ),
    ...more(groups.length - shown.length, 'group', 'groups'),
  ];
}

function violationLines(report: PlanReport, { paint, isVerbose }: TextOptions): string[] {
  const { violations } = report;
  if (violations.length === 0) return ['No violations.', ''];
  const shown = isVerbose ? violations : violations.slice(0, mostShown);
  return [
    paint.bad(`Violations: ${violationCounts(violations)}`),
    ...shown.map(
      ({ rule, namespace, subject, message }) => `  ${namespace}: ${subject}: ${message} [${rule}]`,
    ),
    ...more(violations.length - shown.length, 'violation', 'violations'),
    '',
  ];
}

function more(left: number, one: string, many: string): string[] {
  return left > 0 ? [`  ... and ${left} more ${left === 1 ? one : many} (--verbose shows all)`] : [];
}
