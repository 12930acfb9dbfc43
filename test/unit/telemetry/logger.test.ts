import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type LogFormat, type LogLevel, RootLogger } from '../../../src/telemetry/logger.ts';

function loggerOf(level: LogLevel = 'info', format: LogFormat = 'json') {
  const chunks: string[] = [];
  const output = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  const logger = new RootLogger({ level, format, output });
  return {
    logger,
    async lines(): Promise<string[]> {
      await logger.close();
      return chunks.join('').split('\n').filter(Boolean);
    },
    async only(): Promise<Record<string, unknown>> {
      return JSON.parse((await this.lines())[0] ?? '{}');
    },
  };
}

describe('RootLogger', () => {
  it('writes one JSON object a line, with the fields beside a constant message', async () => {
    const { logger, lines } = loggerOf();
    logger.info('namespace hardened', { namespace: 'team-a', durationMs: 12 });
    logger.warn('slow');
    const [first, second] = await lines();
    expect(JSON.parse(first ?? '')).toEqual({
      timestamp: expect.stringMatching(/^\d{4}-/),
      level: 'info',
      message: 'namespace hardened',
      namespace: 'team-a',
      durationMs: 12,
    });
    expect(JSON.parse(second ?? '')).toMatchObject({ level: 'warn', message: 'slow' });
  });

  it('writes text for people', async () => {
    const { logger, lines } = loggerOf('info', 'text');
    logger.error('refused', { namespace: 'team-a', why: 'two words' });
    expect((await lines())[0]).toMatch(/^\S+ ERROR refused namespace=team-a why="two words"$/);
  });

  it('follows a level that changes, in children too', async () => {
    const { logger, lines } = loggerOf('info');
    const child = logger.child({ reconcileId: 'r1' });
    child.debug('before');
    logger.level = 'debug';
    child.debug('after');
    const written = (await lines()).map((line) => JSON.parse(line));
    expect(written).toMatchObject([
      { level: 'info', message: 'log level changed', from: 'info', to: 'debug' },
      { level: 'debug', message: 'after', reconcileId: 'r1' },
    ]);
  });

  it('tells of a change of its level also when it gets quieter, and of none that is none', async () => {
    const { logger, lines } = loggerOf('debug');
    logger.level = 'debug';
    logger.level = 'error';
    logger.info('not written');
    const written = (await lines()).map((line) => JSON.parse(line));
    expect(written).toMatchObject([{ message: 'log level changed', from: 'debug', to: 'error' }]);
  });

  it('gives the lines of a child of a child the fields of both', async () => {
    const captured = loggerOf();
    const child = captured.logger.child({ reconcileId: 'r1', namespace: 'a' });
    child.child({ namespace: 'b' }).info('x', { more: 1 });
    expect(await captured.only()).toMatchObject({ reconcileId: 'r1', namespace: 'b', more: 1 });
  });

  it('keeps what a line says of itself from being overwritten by a field', async () => {
    const captured = loggerOf();
    captured.logger.info('real', { message: 'fake', level: 'error' });
    expect(await captured.only()).toMatchObject({ message: 'real', level: 'info', 'field.message': 'fake' });
  });

  it('writes an error with its chain of causes and its own fields', async () => {
    const captured = loggerOf();
    const root = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    captured.logger.error('write failed', { error: new Error('create pods a/b', { cause: root }) });
    expect(await captured.only()).toMatchObject({
      error: {
        name: 'Error',
        message: 'create pods a/b',
        stack: expect.any(String),
        cause: { message: 'socket hang up', code: 'ECONNRESET' },
      },
    });
  });

  it('writes no credential, wherever it hides', async () => {
    const { logger, lines } = loggerOf('debug');
    const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJvcGVyYXRvciJ9.c2lnbmF0dXJl';
    logger.info('request', {
      headers: { Authorization: `Bearer ${token}`, 'set-cookie': 'session=hidden-1' },
      idToken: 'hidden-2',
      user: [{ password: 'hidden-3', 'client-key-data': 'hidden-4' }],
      note: `sent with Bearer ${token} and ${token}`,
      error: new Error(`401 for Basic aGlkZGVuLTU=`, { cause: new Error(`token ${token}`) }),
      pem: '-----BEGIN EC PRIVATE KEY-----\nhidden-6\n-----END EC PRIVATE KEY-----\n',
      ca: Buffer.from('hidden-7'),
    });
    const [line] = await lines();
    expect(line).not.toMatch(/hidden|eyJ|aGlkZGVu/);
    expect(line).toContain('[redacted]');
  });

  it('leaves flags and object names under such names readable', async () => {
    const captured = loggerOf();
    captured.logger.info('applied', { automountToken: false, key: 'team-a' });
    expect(await captured.only()).toMatchObject({ automountToken: false, key: 'team-a' });
  });

  it('survives a field that contains itself', async () => {
    const captured = loggerOf();
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    captured.logger.info('loop', { loop });
    expect(await captured.only()).toMatchObject({ message: 'loop' });
  });
});
