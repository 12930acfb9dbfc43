import { describe, expect, it } from 'vitest';
import { errorFromResponse, errorFromTransport, isApiError } from '../../../src/kube/api-error.ts';
import type { Operation } from '../../../src/kube/operation.ts';
import { status } from './dummy-api-server.ts';

const create: Operation = {
  verb: 'create',
  resource: 'networkpolicies',
  namespace: 'team-a',
  name: 'tenant.default-deny',
};

function fromStatus(code: number, reason: string, details: object = {}, operation = create) {
  return errorFromResponse(operation, code, JSON.stringify(status(code, reason, details)), undefined, 0);
}

describe('classification of answers', () => {
  it.each([
    [404, 'NotFound', 'notFound'],
    [409, 'AlreadyExists', 'alreadyExists'],
    [409, 'Conflict', 'conflict'],
    [403, 'Forbidden', 'forbidden'],
    [401, 'Unauthorized', 'unauthorized'],
    [422, 'Invalid', 'invalid'],
    [400, 'BadRequest', 'invalid'],
    [405, 'MethodNotAllowed', 'invalid'],
    [413, 'RequestEntityTooLarge', 'invalid'],
    [415, 'UnsupportedMediaType', 'invalid'],
    [410, 'Gone', 'gone'],
    [410, 'Expired', 'gone'],
    [429, 'TooManyRequests', 'tooManyRequests'],
    [500, 'InternalError', 'unavailable'],
    [500, 'ServerTimeout', 'timeout'],
    [503, 'ServiceUnavailable', 'unavailable'],
    [504, 'Timeout', 'timeout'],
    [418, 'Teapot', 'unknown'],
  ])('%i %s is %s', (code, reason, kind) => {
    expect(fromStatus(code, reason).kind).toBe(kind);
  });

  it.each([
    [404, 'notFound'],
    [409, 'conflict'],
    [429, 'tooManyRequests'],
    [502, 'unavailable'],
    [504, 'timeout'],
  ])('%i from something that is no API server is %s', (code, kind) => {
    expect(errorFromResponse(create, code, '<html>not JSON</html>', undefined, 0).kind).toBe(kind);
  });

  it('422 about a UID is a conflict: the object is a namesake of the one that was meant', () => {
    const of = (field: string) =>
      fromStatus(422, 'Invalid', { causes: [{ reason: 'FieldValueInvalid', field }] });
    expect(of('metadata.uid').kind).toBe('conflict');
    expect(of('metadata.annotations').kind).toBe('invalid');
  });

  it('never reads the message', () => {
    const body = JSON.stringify({
      kind: 'Status',
      message: 'the object already exists, not found, conflict',
    });
    expect(errorFromResponse(create, 500, body, undefined, 0).kind).toBe('unavailable');
  });

  it('tells a watcher to list anew after a compaction, and to back off otherwise', () => {
    expect(fromStatus(410, 'Expired').watchFailure).toBe('expired');
    expect(fromStatus(500, 'InternalError').watchFailure).toBe('transient');
  });
});

describe('classification of broken connections', () => {
  it.each([
    ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
    ['UND_ERR_BODY_TIMEOUT', 'timeout'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
    ['ECONNRESET', 'network'],
    ['ECONNREFUSED', 'network'],
    ['UND_ERR_SOCKET', 'network'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'network'],
    ['UND_ERR_ABORTED', 'aborted'],
  ])('%s is %s', (code, kind) => {
    expect(errorFromTransport(create, Object.assign(new Error('broken'), { code })).kind).toBe(kind);
  });

  it('takes an aborted signal for the reason, whatever the abort broke', () => {
    const broken = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    expect(errorFromTransport(create, broken, AbortSignal.abort()).kind).toBe('aborted');
  });

  it('keeps what happened as its cause', () => {
    const cause = new Error('boom');
    const error = errorFromTransport(create, cause);
    expect(error.cause).toBe(cause);
    expect(error.kind).toBe('unknown');
  });
});

describe('ApiError', () => {
  it('names the operation and the object in its message', () => {
    expect(fromStatus(403, 'Forbidden').message).toBe(
      'create networkpolicies team-a/tenant.default-deny: 403 Forbidden: Forbidden said',
    );
  });

  it('recognises a terminating namespace by its cause', () => {
    const causes = [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }];
    expect(fromStatus(403, 'Forbidden', { causes }).isNamespaceTerminating).toBe(true);
    expect(fromStatus(403, 'Forbidden').isNamespaceTerminating).toBe(false);
  });

  it('tells a create that lacks permission from one that a quota refused', () => {
    expect(fromStatus(403, 'Forbidden', { kind: 'networkpolicies' }).isDeniedByAuthorizer).toBe(true);
    expect(fromStatus(403, 'Forbidden', { kind: 'networkpolicies', name: 'x' }).isDeniedByAuthorizer).toBe(
      false,
    );
    const update = { ...create, verb: 'update' } as const;
    expect(fromStatus(403, 'Forbidden', {}, update).isDeniedByAuthorizer).toBe(false);
  });

  it('takes the wish to wait from the header, else from the details', () => {
    const body = JSON.stringify(status(429, 'TooManyRequests', { retryAfterSeconds: 4 }));
    expect(errorFromResponse(create, 429, body, '2', 0).retryAfterMs).toBe(2000);
    expect(errorFromResponse(create, 429, body, undefined, 0).retryAfterMs).toBe(4000);
    expect(fromStatus(429, 'TooManyRequests')).not.toHaveProperty('retryAfterMs');
  });

  it('is narrowed by kind', () => {
    const error: unknown = fromStatus(404, 'NotFound');
    expect(isApiError(error)).toBe(true);
    expect(isApiError(error, 'conflict', 'notFound')).toBe(true);
    expect(isApiError(error, 'conflict')).toBe(false);
    expect(isApiError(new Error('other'))).toBe(false);
  });
});
