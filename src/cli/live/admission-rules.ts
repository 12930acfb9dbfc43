/** The rules of `check` that the API server applies by itself when a pod, Service or Ingress is written. */
import type { Rule } from '../check/rule.ts';
import { externalIps } from '../check/rules/exposure/external-ips.ts';
import { ingressTls } from '../check/rules/exposure/ingress-tls.ts';
import { podHostNetwork } from '../check/rules/exposure/pod-host-network.ts';
import { podHostPorts } from '../check/rules/exposure/pod-host-ports.ts';
import { serviceTypes } from '../check/rules/exposure/service-types.ts';
import { digest } from '../check/rules/images/digest.ts';
import { registries } from '../check/rules/images/registries.ts';
import { tags } from '../check/rules/images/tags.ts';
import { podSecurityRules } from '../check/rules/pod-security/rules.ts';
import { defaultServiceAccount } from '../check/rules/workloads/default-service-account.ts';
import { requestsAndLimits } from '../check/rules/workloads/requests-and-limits.ts';
import { unrequestedToken } from '../check/rules/workloads/unrequested-token.ts';

/** Where an image may come from, and how it is to be named. */
export const imageRules: readonly Rule[] = [registries, digest, tags];

/** Everything under a baseline's spec.admission. */
export const admissionRules: readonly Rule[] = [
  ...imageRules,
  serviceTypes,
  externalIps,
  podHostPorts,
  podHostNetwork,
  ingressTls,
  defaultServiceAccount,
  requestsAndLimits,
  unrequestedToken,
];

/** The Pod Security Standards, for where the API server cannot be asked. */
export const standardRules: readonly Rule[] = podSecurityRules;
