/** Whether the API server decides at admission what baselines ask it to: the policies may not be installed, or not be known to it. */
import type { SecurityBaseline } from '../api/types.generated.ts';
import type { ApiClient } from '../kube/api-client.ts';
import { isApiError } from '../kube/api-error.ts';
import type { Logger } from '../telemetry/logger.ts';

/** One of config/policies; they are installed together. */
const bindingName = 'pods.securitybaseline.io';

/** Asks now and then, and remembers the answer. */
export class AdmissionCheck {
  readonly #client: ApiClient;
  readonly #logger: Logger;
  readonly #onChange: () => void;
  #problem: string | undefined;
  #isKnown = false;

  /** @param onChange called when the answer is another one */
  constructor(client: ApiClient, logger: Logger, onChange: () => void) {
    this.#client = client;
    this.#logger = logger;
    this.#onChange = onChange;
  }

  /** Whether there has been an answer, or no hope of one: before, statuses would tell what the next one takes back. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Why what the baseline asks of admission is not done, in words; undefined where it is done, or nothing is asked. */
  problemOf({ spec }: SecurityBaseline): string | undefined {
    const { admission, joining = 'Open', networkPolicy } = spec;
    const asks =
      admission !== undefined || joining !== 'Open' || (networkPolicy?.tenantPolicies ?? 'Allow') !== 'Allow';
    return asks ? this.#problem : undefined;
  }

  /** Asks anew. Never rejects: an answer that cannot be had leaves the last one. */
  async refresh(): Promise<void> {
    try {
      const problem = await this.#ask();
      if (problem === this.#problem) return;
      this.#problem = problem;
      this.#logger.info('admission checked', { problem: problem ?? 'none' });
      this.#onChange();
    } catch (error) {
      this.#logger.warn('admission not checked', { error });
    } finally {
      this.#isKnown = true;
    }
  }

  async #ask(): Promise<string | undefined> {
    try {
      await this.#client.request({
        operation: { verb: 'get', resource: 'validatingadmissionpolicybindings', name: bindingName },
        method: 'GET',
        path: `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/${bindingName}`,
      });
      return undefined;
    } catch (error) {
      if (!isApiError(error, 'notFound')) throw error;
      // Only for a resource that it serves does the API server name the object that is missing.
      return error.details.name === undefined
        ? 'this API server has no ValidatingAdmissionPolicy (Kubernetes before 1.30), so nothing is decided at admission; the rest works'
        : 'the admission policies are not installed, so nothing is decided at admission; apply config/policies. The rest works';
    }
  }
}
