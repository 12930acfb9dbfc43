import type { OperatorProcess } from '../../tools/operator/operator-process.ts';

const prefix = 'security_baseline_';

/**
 * The value of one of the operator's metrics, or the sum over those whose labels include the given ones.
 *
 * @param name without the common prefix, such as `writes_total`
 * @param labels such as `reason="list"`; by default all
 */
export async function metric(operator: OperatorProcess, name: string, labels = ''): Promise<number> {
  const lines = (await operator.metrics()).split('\n');
  return lines
    .filter((line) => line.startsWith(`${prefix}${name}{`) || line.startsWith(`${prefix}${name} `))
    .filter((line) => line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
