import { request } from 'node:https';
import type { ControlPlane } from '../../tools/controlplane/control-plane.ts';

/**
 * Makes etcd forget everything but the present.
 * Source: https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/
 */
export async function compactNow(controlPlane: ControlPlane): Promise<void> {
  const { header } = (await call(controlPlane, '/v3/kv/range', { key: btoa('/'), count_only: true })) as {
    header: { revision: string };
  };
  await call(controlPlane, '/v3/kv/compaction', { revision: header.revision, physical: true });
}

async function call(
  { etcdUrl, etcdCredentials }: ControlPlane,
  path: string,
  body: object,
): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const sent = request(
      new URL(path, etcdUrl),
      { ...etcdCredentials, method: 'POST', agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          if (response.statusCode === 200) resolve(JSON.parse(text));
          else reject(new Error(`etcd ${path}: ${response.statusCode} ${text}`));
        });
      },
    );
    sent.once('error', reject);
    sent.end(JSON.stringify(body));
  });
}
