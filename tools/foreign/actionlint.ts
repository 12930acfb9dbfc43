import { GoTool } from './go-tool.ts';

/** Checks the workflow files of the forge: expressions, inputs of actions, permissions. */
export const actionlint = new GoTool({
  name: 'actionlint',
  package: 'github.com/rhysd/actionlint/cmd/actionlint',
});
