import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { LogLevel } from '../../../src/telemetry/logger.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { type HealthCheck, ProbeServer } from '../../../src/telemetry/probes.ts';

const holds = (name: string): HealthCheck => ({ name, failure: () => undefined });
const fails = (name: string, why: string): HealthCheck => ({ name, failure: () => why });

let server: ProbeServer | undefined;

afterEach(async () => {
  await server?.stop();
});

async function serve(readiness: readonly HealthCheck[] = [], host = '127.0.0.1') {
  const log: { level: LogLevel } = { level: 'info' };
  server = new ProbeServer({
    host,
    port: 0,
    liveness: [],
    readiness,
    registry: new Metrics('1').registry,
    log,
  });
  await server.start();
  return { log, origin: `http://127.0.0.1:${server.port}` };
}

async function ask(url: string, init?: RequestInit): Promise<{ status: number; body: string }> {
  const response = await fetch(url, init);
  return { status: response.status, body: await response.text() };
}

describe('ProbeServer', () => {
  it('answers ok while every check holds', async () => {
    const { origin } = await serve([holds('caches')]);
    expect(await ask(`${origin}/readyz`)).toEqual({ status: 200, body: 'ok\n' });
    expect(await ask(`${origin}/healthz`)).toEqual({ status: 200, body: 'ok\n' });
  });

  it('fails readiness and names the check that does not hold, and liveness goes on', async () => {
    const { origin } = await serve([holds('leader'), fails('caches', 'namespaces has not synced')]);
    expect(await ask(`${origin}/readyz`)).toEqual({
      status: 503,
      body: '[+] leader ok\n[-] caches failed: namespaces has not synced\n',
    });
    expect((await ask(`${origin}/healthz`)).status).toBe(200);
  });

  it('takes a check that throws for one that does not hold', async () => {
    const broken: HealthCheck = {
      name: 'caches',
      failure: () => {
        throw new Error('boom');
      },
    };
    const { origin } = await serve([broken]);
    expect(await ask(`${origin}/readyz`)).toEqual({ status: 503, body: '[-] caches failed: boom\n' });
  });

  it('lists every check when asked, as JSON for those who take it', async () => {
    const { origin } = await serve([holds('caches')]);
    expect((await ask(`${origin}/readyz?verbose`)).body).toBe('[+] caches ok\n');
    const { body } = await ask(`${origin}/readyz`, { headers: { accept: 'application/json' } });
    expect(JSON.parse(body)).toEqual({ status: 'ok', checks: [{ name: 'caches' }] });
  });

  it('serves the metrics', async () => {
    const { origin } = await serve();
    expect((await ask(`${origin}/metrics`)).body).toContain('security_baseline_build_info{version="1"');
  });

  it('changes the log level, and quotes one that it does not know', async () => {
    const { log, origin } = await serve();
    expect(await ask(`${origin}/loglevel`, { method: 'PUT', body: 'debug\n' })).toEqual({
      status: 200,
      body: 'debug\n',
    });
    expect(log.level).toBe('debug');
    expect(await ask(`${origin}/loglevel`)).toEqual({ status: 200, body: 'debug\n' });
    const refused = await ask(`${origin}/loglevel`, { method: 'PUT', body: 'loud' });
    expect(refused).toEqual({
      status: 400,
      body: 'log level "loud": give one of debug, info, warn, error\n',
    });
    expect(log.level).toBe('debug');
  });

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

  it.skipIf(outside === undefined)('lets nobody else read or change the log level', async () => {
    const { log } = await serve([], '0.0.0.0');
    const origin = `http://${outside}:${server?.port}`;
    expect((await ask(`${origin}/loglevel`, { method: 'PUT', body: 'debug' })).status).toBe(403);
    expect((await ask(`${origin}/loglevel`)).status).toBe(403);
    expect((await ask(`${origin}/healthz`)).status).toBe(200);
    expect(log.level).toBe('info');
  });

  it.each([
    ['POST', '/readyz', 405],
    ['DELETE', '/loglevel', 405],
    ['GET', '/', 404],
  ])('answers %s %s with %i', async (method, path, expected) => {
    const { origin } = await serve();
    expect((await ask(`${origin}${path}`, { method })).status).toBe(expected);
  });

  it('says so when its port is taken', async () => {
    await serve();
    const log: { level: LogLevel } = { level: 'info' };
    const port = server?.port ?? 0;
    const second = new ProbeServer({
      host: '127.0.0.1',
      port,
      liveness: [],
      readiness: [],
      registry: new Metrics('1').registry,
      log,
    });
    await expect(second.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
