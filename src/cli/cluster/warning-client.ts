/** Dry runs whose answer is in the warnings that the API server sends along with it. */
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { errorFromResponse, errorFromTransport } from '../../kube/api-error.ts';
import type { Credentials } from '../../kube/credentials.ts';
import type { Operation } from '../../kube/operation.ts';

const timeoutMs = 30_000;

/** Sends patches that are not stored, and reads the warnings. */
export class WarningClient {
  readonly #credentials: Credentials;
  #dispatcher: Dispatcher | undefined;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /**
   * A merge patch as a dry run.
   *
   * @returns the texts of the warnings
   * @throws ApiError
   */
  async dryRunPatch(path: string, patch: object, operation: Operation): Promise<readonly string[]> {
    const { origin, basePath, tls, proxyUrl, headers } = await this.#credentials.current();
    this.#dispatcher ??=
      proxyUrl === undefined
        ? new Agent({ connect: { ...tls }, connections: 8 })
        : new ProxyAgent({ uri: proxyUrl, requestTls: { ...tls } });
    try {
      const answer = await this.#dispatcher.request({
        origin,
        path: `${basePath}${path}?dryRun=All&fieldManager=kubectl-baseline`,
        method: 'PATCH',
        headers: [...headers, 'content-type', 'application/merge-patch+json', 'accept', 'application/json'],
        body: JSON.stringify(patch),
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      const text = await answer.body.text();
      if (answer.statusCode >= 300) {
        throw errorFromResponse(operation, answer.statusCode, text, undefined, Date.now());
      }
      return warningsOf(answer.headers.warning);
    } catch (error) {
      throw errorFromTransport(operation, error);
    }
  }

  async close(): Promise<void> {
    await this.#dispatcher?.destroy();
  }
}

/**
 * The texts in `Warning` headers: `299 - "text"`, several in one header or in many.
 * Source: https://www.rfc-editor.org/rfc/rfc7234#section-5.5
 */
export function warningsOf(header: string | string[] | undefined): readonly string[] {
  const joined = Array.isArray(header) ? header.join(', ') : (header ?? '');
  return Array.from(joined.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g), ([, text = '']) =>
    text.replace(/\\(.)/g, '$1'),
  );
}
