import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient, type ApiRequest } from '../../../src/kube/api-client.ts';
import { type ConnectionSettings, Credentials, kubeConfigLoader } from '../../../src/kube/credentials.ts';
import { FakeClock } from '../runtime/fake-clock.ts';
import { answer, DummyApiServer, kubeConfigFor, status } from './dummy-api-server.ts';

const fixture = (name: string): Buffer => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const get: ApiRequest = { operation: { verb: 'get', resource: 'pods' }, method: 'GET', path: '/api/v1/pods' };

let folder: string;
let clock: FakeClock;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'credentials-'));
  clock = new FakeClock();
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** As in a pod: a token file and a CA file. */
function loadFromFiles(server: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'c', server, caFile: join(folder, 'ca.crt'), skipTLSVerify: false },
    { name: 'u', authProvider: { name: 'tokenFile', config: { tokenFile: join(folder, 'token') } } },
  );
  return config;
}

function rotate(token: string, ca: Buffer): void {
  writeFileSync(join(folder, 'token'), `${token}\n`);
  writeFileSync(join(folder, 'ca.crt'), ca);
}

function authorization(settings: ConnectionSettings): string | undefined {
  return settings.headers[settings.headers.indexOf('authorization') + 1];
}

describe('Credentials', () => {
  it('pick up a rotated token file within their interval, and not before it', async () => {
    rotate('old', fixture('first.crt.pem'));
    const credentials = new Credentials({ clock, load: () => loadFromFiles('https://127.0.0.1:1') });
    const before = await credentials.current();
    expect(authorization(before)).toBe('Bearer old');
    rotate('new', fixture('first.crt.pem'));
    expect(credentials.current()).toBe(before);
    await clock.advance(10_000);
    expect(authorization(await credentials.current())).toBe('Bearer new');
  });

  it("follow the tokenFile of a kubeconfig's user, relative to the kubeconfig", async () => {
    rotate('first', fixture('first.crt.pem'));
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(
      kubeconfig,
      `{ "apiVersion": "v1", "kind": "Config", "current-context": "k",
         "clusters": [{ "name": "c", "cluster": { "server": "https://127.0.0.1:1" } }],
         "users": [{ "name": "u", "user": { "tokenFile": "token" } }],
         "contexts": [{ "name": "k", "context": { "cluster": "c", "user": "u" } }] }`,
    );
    const credentials = new Credentials({ load: kubeConfigLoader({ kubeconfig }), clock });
    expect(authorization(await credentials.current())).toBe('Bearer first');
    rotate('second', fixture('first.crt.pem'));
    await clock.advance(10_000);
    expect(authorization(await credentials.current())).toBe('Bearer second');
  });

  it('stay the same object while nothing changes, so that connections and headers are kept', async () => {
    rotate('same', fixture('first.crt.pem'));
    const credentials = new Credentials({ clock, load: () => loadFromFiles('https://127.0.0.1:1') });
    const before = await credentials.current();
    await clock.advance(60_000);
    expect(await credentials.current()).toBe(before);
  });

  it('keep what worked while a file cannot be read, and say so', async () => {
    rotate('good', fixture('first.crt.pem'));
    const errors: unknown[] = [];
    const credentials = new Credentials({
      clock,
      load: () => loadFromFiles('https://127.0.0.1:1'),
      onRefreshError: (error) => errors.push(error),
    });
    const before = await credentials.current();
    rmSync(join(folder, 'token'));
    await clock.advance(10_000);
    expect(await credentials.current()).toBe(before);
    expect(errors).toHaveLength(1);
  });

  it('refuse a SOCKS proxy instead of going around it', async () => {
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      { name: 'c', server: 'https://127.0.0.1:1', skipTLSVerify: true, proxyUrl: 'socks5://127.0.0.1:2' },
      { name: 'u' },
    );
    const credentials = new Credentials({ clock, load: () => config });
    await expect(credentials.current()).rejects.toThrow(/SOCKS proxies are not supported/);
  });
});

describe('a 401', () => {
  async function serve(validToken: () => string) {
    return await DummyApiServer.start((request, response) => {
      if (request.headers.authorization === `Bearer ${validToken()}`) answer(response, 200, {});
      else answer(response, 401, status(401, 'Unauthorized'));
    });
  }

  it('loads the credentials anew and tries once more', async () => {
    let token = 'old';
    const server = await serve(() => token);
    const load = () => kubeConfigFor(server.origin, { token });
    const client = new ApiClient({ credentials: new Credentials({ clock, load }), clock, version: '0' });
    await client.request(get);
    token = 'new';
    await expect(client.request({ ...get, method: 'POST', body: {} })).resolves.toEqual({});
    expect(server.received).toHaveLength(3);
    await client.close();
    await server.stop();
  });

  it('is final where that brings nothing new, and does not run the sources for each request', async () => {
    const server = await serve(() => 'other');
    let loads = 0;
    const load = () => {
      loads += 1;
      return kubeConfigFor(server.origin, { token: 'mine' });
    };
    const client = new ApiClient({ credentials: new Credentials({ clock, load }), clock, version: '0' });
    for (let time = 0; time < 3; time += 1) {
      await expect(client.request(get)).rejects.toMatchObject({ kind: 'unauthorized' });
    }
    expect(server.received).toHaveLength(3);
    expect(loads).toBe(2);
    await client.close();
    await server.stop();
  });
});

describe('a changed CA', () => {
  it('is trusted on new connections, and the old CA no longer', async () => {
    const serve = (name: string) =>
      DummyApiServer.start((_request, response) => answer(response, 200, { name }), {
        cert: fixture(`${name}.crt.pem`),
        key: fixture(`${name}.key.pem`),
      });
    const [first, second] = await Promise.all([serve('first'), serve('second')]);
    let origin = first.origin;
    rotate('t', fixture('first.crt.pem'));
    const credentials = new Credentials({ clock, load: () => loadFromFiles(origin) });
    const client = new ApiClient({ credentials, clock, version: '0' });
    expect(await client.request(get)).toEqual({ name: 'first' });
    origin = second.origin;
    await clock.advance(10_000);
    await expect(client.request({ ...get, method: 'POST' })).rejects.toMatchObject({ kind: 'network' });
    rotate('t', fixture('second.crt.pem'));
    await clock.advance(10_000);
    expect(await client.request(get)).toEqual({ name: 'second' });
    await client.close();
    await Promise.all([first.stop(), second.stop()]);
  });

  it('lets what is in flight on the old connections finish', async () => {
    let finish = (): void => {};
    const server = await DummyApiServer.start(
      (request, response) => {
        if (request.url.endsWith('slow')) finish = () => answer(response, 200, { slow: true });
        else answer(response, 200, { slow: false });
        if (request.url.endsWith('slow')) hasArrived();
      },
      { cert: fixture('first.crt.pem'), key: fixture('first.key.pem') },
    );
    let hasArrived = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      hasArrived = resolve;
    });
    rotate('t', fixture('first.crt.pem'));
    const credentials = new Credentials({ clock, load: () => loadFromFiles(server.origin) });
    const client = new ApiClient({ credentials, clock, version: '0' });
    const slow = client.request({ ...get, path: '/slow' });
    await arrived;
    // Both CAs, as during a rotation.
    rotate('t', Buffer.concat([fixture('first.crt.pem'), fixture('second.crt.pem')]));
    await clock.advance(10_000);
    expect(await client.request(get)).toEqual({ slow: false });
    expect(await server.connections()).toBe(2);
    finish();
    expect(await slow).toEqual({ slow: true });
    await client.close();
    await server.stop();
  });
});
