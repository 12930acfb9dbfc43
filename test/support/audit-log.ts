import { open, stat } from 'node:fs/promises';

/** One request, as the API server's audit log has it. */
export interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  /** A watch is logged when it ends, minutes after this. */
  readonly requestReceivedTimestamp: string;
  readonly user: { readonly username: string };
  /** On whose behalf, where it is another one's. */
  readonly impersonatedUser?: { readonly username: string };
  readonly objectRef?: {
    readonly resource: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  /** What admission says about the request, among others. */
  readonly annotations?: Readonly<Record<string, string>>;
}

const writeVerbs = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/** Reads a control plane's audit log, which holds every request by the time it is answered. */
export class AuditLog {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Now, as a place in the log. */
  async mark(): Promise<number> {
    return (await stat(this.#path)).size;
  }

  /** The requests since a mark. */
  async since(mark: number): Promise<readonly AuditEvent[]> {
    await using file = await open(this.#path);
    const { size } = await file.stat();
    // One byte more: where it ends no line, a line was being written at the mark, about a request before it.
    const from = Math.max(0, mark - 1);
    const { buffer } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    const lines = buffer.toString('utf8').split('\n');
    // The last one may not be whole yet.
    return lines.slice(mark === 0 ? 0 : 1, -1).map((line) => JSON.parse(line) as AuditEvent);
  }

  /**
   * The user's writes since a mark, each such as `patch namespaces/a/status`. Renewals of the leader's Lease are left out: they are
   * what it is there for. The writes of others (the controller manager's of quota status, say) are not the user's.
   */
  async writesBy(user: string, mark: number): Promise<readonly string[]> {
    return (await this.since(mark))
      .filter(({ verb, user: { username } }) => username === user && writeVerbs.includes(verb))
      .filter(({ objectRef }) => objectRef?.resource !== 'leases')
      .map(({ verb, objectRef }) => {
        const { resource, namespace, name, subresource } = objectRef ?? { resource: '' };
        const parts = [namespace, resource, name, subresource].filter((part) => part !== undefined);
        return `${verb} ${parts.join('/')}`;
      });
  }
}
