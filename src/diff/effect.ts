/**
 * The effect of an object's fields, spelt in one way: what the API server fills in is filled in, equal quantities
 * are equal, and lists without an order are sorted. Fields that this file does not know are kept as they
 * are, so that a field Kubernetes adds one day counts too.
 */
import type { ManagedKind } from '../api/kinds.ts';
import { canonicalQuantity } from '../api/quantity.ts';
import type { LimitRangeLimit } from '../api/types.generated.ts';
import { withServerDefaults } from '../baseline/limit-range.ts';
import type { RelevantPart } from './fingerprint.ts';

type Fields = Readonly<Record<string, unknown>>;

const effects: Readonly<Record<ManagedKind, (part: RelevantPart) => Fields>> = {
  NetworkPolicy: (part) => ({ ...part, spec: networkPolicyEffect(fields(part.spec)) }),
  ResourceQuota: (part) => ({ ...part, spec: quotaEffect(fields(part.spec)) }),
  LimitRange: (part) => ({ ...part, spec: limitRangeEffect(fields(part.spec)) }),
  ServiceAccount: serviceAccountEffect,
  Role: (part) => part,
  RoleBinding: (part) => part,
};

/** What the part of an object that matters comes to. */
export function effectOf(kind: ManagedKind, part: RelevantPart): Fields {
  return effects[kind](part);
}

function networkPolicyEffect(spec: Fields): Fields {
  const egress = list(spec.egress);
  const types = list(spec.policyTypes);
  return {
    ...spec,
    podSelector: selectorEffect(fields(spec.podSelector)),
    policyTypes:
      types.length > 0 ? [...types].sort() : egress.length > 0 ? ['Egress', 'Ingress'] : ['Ingress'],
    ingress: list(spec.ingress).map((rule) => ruleEffect(fields(rule), 'from')),
    egress: egress.map((rule) => ruleEffect(fields(rule), 'to')),
  };
}

function ruleEffect(rule: Fields, peersField: 'from' | 'to'): Fields {
  return {
    ...rule,
    [peersField]: list(rule[peersField]).map((peer) => peerEffect(fields(peer))),
    ports: list(rule.ports).map((port) => ({ protocol: 'TCP', ...fields(port) })),
  };
}

function peerEffect(peer: Fields): Fields {
  const { podSelector, namespaceSelector, ...rest } = peer;
  return {
    ...rest,
    ...(isPresent(podSelector) ? { podSelector: selectorEffect(fields(podSelector)) } : {}),
    ...(isPresent(namespaceSelector) ? { namespaceSelector: selectorEffect(fields(namespaceSelector)) } : {}),
  };
}

/** A selector that is there but empty matches everything; one that is absent may mean something else. */
function selectorEffect(selector: Fields): Fields {
  const { matchLabels, ...rest } = selector;
  return Object.keys(fields(matchLabels)).length > 0 ? { ...rest, matchLabels } : rest;
}

function quotaEffect(spec: Fields): Fields {
  return { ...spec, hard: quantitiesEffect(spec.hard), scopes: [...list(spec.scopes)].sort() };
}

function limitRangeEffect(spec: Fields): Fields {
  const limits = list(spec.limits).map((limit) => {
    const { type, ...quantities } = withServerDefaults(limit as LimitRangeLimit);
    // The API server keeps no empty map.
    const given = Object.entries(quantities).filter(([, map]) => Object.keys(fields(map)).length > 0);
    return { type, ...Object.fromEntries(given.map(([key, map]) => [key, quantitiesEffect(map)])) };
  });
  return { ...spec, limits: limits.sort((a, b) => (String(a.type) < String(b.type) ? -1 : 1)) };
}

function quantitiesEffect(quantities: unknown): Fields {
  return Object.fromEntries(
    Object.entries(fields(quantities)).map(([resource, quantity]) => [
      resource,
      canonicalQuantity(quantity as string | number),
    ]),
  );
}

/**
 * Pull secrets are compared apart (others may add theirs), and the lists of token secrets that clusters keep on
 * ServiceAccounts are none of our business. A missing owner or finalizer is ours to say only for
 * objects whose name is ours.
 */
function serviceAccountEffect(part: RelevantPart): Fields {
  const { labels, annotations, automountServiceAccountToken } = part;
  return { labels, annotations, automountServiceAccountToken: automountServiceAccountToken ?? true };
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
