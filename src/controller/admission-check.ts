/** Whether the API server decides at admission what baselines ask it to: the policies may not be installed, or not be known to it. */
import type { SecurityBaseline } from '../api/types.generated.ts';
import type { ApiClient } from '../kube/api-client.ts';
import { isApiError } from '../kube/api-error.ts';
import type { Logger } from '../telemetry/logger.ts';

/** A binding of each part of config/policies: a part is installed whole. */
const bindings = {
  /** What keeps namespaces in their baseline, and out of one that is guarded. */
  guard: 'membership.securitybaseline.io',
  /** What baselines ask of pods, workloads and tenants' own policies. */
  rules: 'pods.securitybaseline.io',
} as const;
type Problems = Readonly<Record<keyof typeof bindings, string | undefined>>;

/** Asks now and then, and remembers the answer. */
export class AdmissionCheck {
  readonly #client: ApiClient;
  readonly #logger: Logger;
  readonly #onChange: () => void;
  #problems: Problems = { guard: undefined, rules: undefined };
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
    const asksRules = admission !== undefined || (networkPolicy?.tenantPolicies ?? 'Allow') !== 'Allow';
    const { guard, rules } = this.#problems;
    return (asksRules ? rules : undefined) ?? (joining === 'Open' ? undefined : guard);
  }

  /** Asks anew. Never rejects: an answer that cannot be had leaves the last one. */
  async refresh(): Promise<void> {
    try {
      const [guard, rules] = await Promise.all([this.#ask(bindings.guard), this.#ask(bindings.rules)]);
      if (guard === this.#problems.guard && rules === this.#problems.rules) return;
      this.#problems = { guard, rules };
      this.#logger.info('admission checked', { guard: guard ?? 'installed', rules: rules ?? 'installed' });
      this.#onChange();
    } catch (error) {
      this.#logger.warn('admission not checked', { error });
    } finally {
      this.#isKnown = true;
    }
  }

  async #ask(bindingName: string): Promise<string | undefined> {
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
        : 'the admission policies that would do it are not installed; apply config/policies. The rest works';
    }
  }
}
