import type { OperatorProcess } from '../../tools/operator/operator-process.ts';
import { eventually } from '../support/eventually.ts';
import { form } from './form.ts';

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

/** How often the resource has been listed that was listed least. */
export async function leastLists(operator: OperatorProcess): Promise<number> {
  const counts = (await operator.metrics()).matchAll(/^security_baseline_watch_relists_total\{.*\} (.*)$/gm);
  return Math.min(...Array.from(counts, ([, count]) => Number(count)));
}

/**
 * Resolves when every watch has been opened, or told something, since a moment; a watch that was refused again and again is not tried
 * again at once.
 *
 * @param sinceMs by `performance.now()`
 */
export async function watchesHeardSince(operator: OperatorProcess, sinceMs: number): Promise<void> {
  await eventually(
    async () => {
      const ages = (await operator.metrics()).matchAll(/^security_baseline_watch_age_seconds\{.*\} (.*)$/gm);
      const silentMs = 1000 * Math.max(...Array.from(ages, ([, age]) => Number(age)));
      return silentMs > 0 && silentMs < performance.now() - sinceMs;
    },
    { what: 'every watch is open again', timeoutMs: form.patienceMs },
  );
}
