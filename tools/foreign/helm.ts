import { GoTool } from './go-tool.ts';

/** Helm, as people install the chart with it. */
export const helm = new GoTool({ name: 'helm', package: 'helm.sh/helm/v4/cmd/helm' });
