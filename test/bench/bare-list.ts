/**
 * The least that anybody who wants to know everything must do: list the resources that the operator watches, in one of the
 * sensible ways, and parse the answers. A process of its own. Arguments: a kubeconfig, a way; prints JSON.
 */
import { Connection } from './connection.ts';
import { expected } from './objects.ts';

/** The ways: pages of 500, one kind after the other or all at once; whole answers; from the API server's cache. */
export const listWays = {
  'pages in a row': { limit: 500, atOnce: false, query: '' },
  'pages at once': { limit: 500, atOnce: true, query: '' },
  'whole at once': { limit: 0, atOnce: true, query: '' },
  'cached at once': { limit: 0, atOnce: true, query: 'resourceVersion=0' },
} as const;

/** For comparison, the bytes alone: whole answers in the API server's own format, which nobody parses. */
export const unreadProtobuf = 'unread protobuf';

const protobuf = 'application/vnd.kubernetes.protobuf';

/** What the process prints. */
export interface ListResult {
  readonly ms: number;
  readonly objects: number;
  readonly bytes: number;
}

interface ListBody {
  readonly items: readonly unknown[];
  readonly metadata: { readonly continue?: string };
}

const [kubeconfig = '', way = ''] = process.argv.slice(2);
if (import.meta.main) {
  const isUnread = way === unreadProtobuf;
  const { limit, atOnce, query } = listWays[isUnread ? 'whole at once' : (way as keyof typeof listWays)];
  const paths = [
    '/api/v1/namespaces',
    ...Object.entries(expected).map(([resource, { path }]) => `${path}/${resource}`),
  ];
  const connection = new Connection(kubeconfig, paths.length);
  const startedAt = performance.now();
  let objects = 0;
  let bytes = 0;

  async function list(path: string): Promise<void> {
    let next: string | undefined = '';
    while (next !== undefined) {
      const parameters = new URLSearchParams(query);
      if (limit > 0) parameters.set('limit', String(limit));
      if (next !== '') parameters.set('continue', next);
      const accept = isUnread ? protobuf : undefined;
      const body = await connection.expect('GET', `${path}?${parameters}`, undefined, undefined, accept);
      bytes += body.length;
      if (isUnread) return;
      const { items, metadata } = JSON.parse(body.toString('utf8')) as ListBody;
      objects += items.length;
      next = metadata.continue || undefined;
    }
  }

  if (atOnce) await Promise.all(paths.map(list));
  else for (const path of paths) await list(path);
  console.log(JSON.stringify({ ms: performance.now() - startedAt, objects, bytes } satisfies ListResult));
  await connection.close();
}
