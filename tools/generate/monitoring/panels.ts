/** Grafana panels, as far as the dashboard needs them. Source: https://grafana.com/docs/grafana/latest/visualizations/panels-visualizations/ */

/** What is asked of Prometheus, and how its answers are called. */
export interface Query {
  readonly expr: string;
  /** Such as `{{state}}`. Default: the panel's title. */
  readonly legend?: string;
}

/** A value from which on a panel changes its colour. */
export interface Step {
  readonly from: number;
  readonly color: 'green' | 'yellow' | 'orange' | 'red' | 'blue';
}

interface PanelParts {
  readonly title: string;
  /** Shown at the panel: what it means, and what to make of it. */
  readonly description: string;
  /** Grafana's name of it: `s`, `percentunit`, `reqps`, `bytes`. Default: a plain number. */
  readonly unit?: string;
  readonly queries: readonly Query[];
  /** Of the 24 columns. */
  readonly width: number;
}

/** One number. */
export interface StatPanel extends PanelParts {
  readonly kind: 'stat';
  /** Colours, from the lowest value up. */
  readonly steps: readonly Step[];
}

/** Numbers over time. */
export interface TimePanel extends PanelParts {
  readonly kind: 'time';
  /** Stacked upon each other, where they add up to a whole. */
  readonly stacked?: boolean;
}

export type Panel = StatPanel | TimePanel;

/** Panels under a common head. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const heights = { stat: 4, time: 8 } as const;
const columns = 24;
/** The one that is chosen at the head of the dashboard. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is Grafana's template
export const dataSource = { type: 'prometheus', uid: '${datasource}' };

/** The rows as Grafana wants them: one list, each panel with its place. */
export function layOut(rows: readonly Row[]): readonly object[] {
  const placed: object[] = [];
  let y = 0;
  for (const { title, panels } of rows) {
    placed.push({
      id: placed.length + 1,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: at(0, y, columns, 1),
    });
    y += 1;
    let x = 0;
    let height = 0;
    for (const panel of panels) {
      if (x + panel.width > columns) {
        y += height;
        [x, height] = [0, 0];
      }
      const gridPos = at(x, y, panel.width, heights[panel.kind]);
      placed.push({ id: placed.length + 1, ...bodyOf(panel), gridPos });
      x += panel.width;
      height = Math.max(height, heights[panel.kind]);
    }
    y += height;
  }
  return placed;
}

function at(x: number, y: number, w: number, h: number): object {
  return { x, y, w, h };
}

function bodyOf(panel: Panel): object {
  const { title, description, unit = 'short', queries } = panel;
  const targets = queries.map(({ expr, legend = title }, index) => ({
    refId: String.fromCharCode('A'.charCodeAt(0) + index),
    datasource: dataSource,
    expr,
    legendFormat: legend,
    ...(panel.kind === 'stat' ? { instant: true } : { range: true }),
  }));
  const common = { title, description, datasource: dataSource, targets };
  if (panel.kind === 'stat') {
    return {
      ...common,
      type: 'stat',
      fieldConfig: {
        defaults: { unit, color: { mode: 'thresholds' }, thresholds: thresholdsOf(panel.steps) },
        overrides: [],
      },
      options: { colorMode: 'background', graphMode: 'none', reduceOptions: { calcs: ['lastNotNull'] } },
    };
  }
  const stacking =
    panel.stacked === true ? { stacking: { mode: 'normal' }, fillOpacity: 40 } : { fillOpacity: 10 };
  return {
    ...common,
    type: 'timeseries',
    fieldConfig: {
      defaults: { unit, min: 0, custom: { lineWidth: 1, showPoints: 'never', ...stacking } },
      overrides: [],
    },
    options: {
      tooltip: { mode: 'multi', sort: 'desc' },
      legend: { displayMode: 'list', placement: 'bottom' },
    },
  };
}

/** The lowest step has no lower bound. */
function thresholdsOf(steps: readonly Step[]): object {
  return {
    mode: 'absolute',
    steps: steps.map(({ from, color }, index) => ({ color, value: index === 0 ? null : from })),
  };
}
