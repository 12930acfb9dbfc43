import { expect, it } from 'vitest';
import type { AdmissionCluster, Call, User } from './cluster.ts';
import { breakGlass, dryRun, tenant } from './cluster.ts';

/** A row of a table: what is tried, and what becomes of it. */
export type Row = readonly [title: string, call: Call, expected: 'allowed' | RegExp, user?: User];

/** The cluster is started in a hook, long after the tables are read. */
export type ClusterOf = () => AdmissionCluster;

/**
 * One test per row, by the tenant unless the row says otherwise. Nothing is stored. What is refused is tried again by a
 * member of the break-glass group, which must always pass.
 */
export function tryEach(cluster: ClusterOf, rows: readonly Row[]): void {
  for (const [title, call, expected, user = tenant] of rows) {
    const verdict = expected === 'allowed' ? 'allowed' : 'denied';
    it(`${verdict}: ${title}`, async () => {
      const outcome = await cluster().outcome(user, dryRun(call));
      if (expected === 'allowed') {
        expect(outcome).toBe('allowed');
        return;
      }
      expect(outcome).toMatch(expected);
      expect(await cluster().outcome(breakGlass, dryRun(call))).toBe('allowed');
    });
  }
}
