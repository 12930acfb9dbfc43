import type { AuditLog } from '../support/audit-log.ts';
import { operatorUser } from '../support/operator-harness.ts';
import type { TrailEvent } from './credential-trail.ts';

/** The operator's watches, as the API server's audit log shows them. */
export class Watches {
  readonly #audit: AuditLog;
  /** What is watched at all. */
  readonly #paths: ReadonlySet<string>;
  readonly #brokenAt: number;

  private constructor(audit: AuditLog, paths: ReadonlySet<string>, brokenAt: number) {
    this.#audit = audit;
    this.#paths = paths;
    this.#brokenAt = brokenAt;
  }

  /**
   * @param bornAt the place in the log before the operator was started
   * @param brokenAt the place in the log from which on every watch has to be opened anew
   */
  static async of(audit: AuditLog, bornAt: number, brokenAt: number): Promise<Watches> {
    const paths = (await watchEvents(audit, bornAt)).map(pathOf);
    return new Watches(audit, new Set(paths), brokenAt);
  }

  /** The watches that are open, by what they watch; undefined while one is missing. */
  async open(): Promise<ReadonlyMap<string, string> | undefined> {
    const open = new Map<string, string>();
    for (const event of await watchEvents(this.#audit, this.#brokenAt)) {
      const path = pathOf(event);
      if (event.stage === 'ResponseStarted') open.set(path, event.auditID);
      else if (open.get(path) === event.auditID) open.delete(path);
    }
    return [...this.#paths].every((path) => open.has(path)) ? open : undefined;
  }
}

async function watchEvents(audit: AuditLog, mark: number): Promise<readonly TrailEvent[]> {
  const events = (await audit.since(mark)) as readonly TrailEvent[];
  return events.filter(({ verb, user }) => verb === 'watch' && user.username === operatorUser);
}

function pathOf({ requestURI }: TrailEvent): string {
  const { pathname, searchParams } = new URL(requestURI, 'https://upstream');
  return `${pathname} ${searchParams.get('fieldSelector') ?? ''}`;
}
