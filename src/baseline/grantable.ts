/**
 * What a baseline may grant: only what the platform team put into the grantable ClusterRole. The API
 * server's own escalation check would not do: it also passes whatever the operator needs for its own work.
 */
import { managedKinds } from '../api/kinds.ts';
import { group } from '../api/labels.ts';
import type { RbacRule } from '../api/objects.ts';

const rbacGroup = managedKinds.Role.group;

/** With these a tenant could undo the baseline, so no baseline can grant them, whatever the grantable ClusterRole says. */
const neverGrantable: readonly NeverGrantable[] = [
  ...Object.values(managedKinds).map((kind) => ({ group: kind.group, resource: kind.plural })),
  { group, resource: '*' },
  // A Role holds for its own namespace's object, too: its labels select baselines and Pod Security levels.
  { group: '', resource: 'namespaces', except: ['get', 'list', 'watch'] },
];

interface NeverGrantable {
  readonly group: string;
  /** Subresources included. */
  readonly resource: string;
  /** Verbs that are harmless. */
  readonly except?: readonly string[];
}

/**
 * Verbs by which one comes to permissions that are not one's own; a star includes them. What `bind` in the grantable ClusterRole is for, see {@link notBindable}.
 * Impersonation has verbs of the form `impersonate:...` and `impersonate-on:...`, too:
 * https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/
 */
const escalatingVerbs = /^(\*|bind|escalate|impersonate([-:].*)?)$/;

/** Holds everything, the managed kinds included. */
const neverBindable = 'cluster-admin';

/**
 * The parts of the asked-for rules that may not be granted, one rule each; empty where all may. Covering is the API server's own:
 * https://github.com/kubernetes/component-helpers/blob/master/auth/rbac/validation/policy_comparator.go
 */
export function notGrantable(asked: readonly RbacRule[], grantable: readonly RbacRule[]): RbacRule[] {
  return asked
    .flatMap((rule) => partsOf(rule))
    .filter((part) => isForbidden(part) || !grantable.some((rule) => covers(rule, part)));
}

/**
 * The ClusterRoles that may not be bound. It takes a grantable rule that says so word by word: the verb `bind` on `clusterroles`, by
 * name. A wildcard, or a rule without names, says it of roles that nobody thought of.
 */
export function notBindable(asked: readonly string[], grantable: readonly RbacRule[]): string[] {
  const bindable = new Set(
    grantable
      .filter(
        ({ apiGroups = [], resources = [], verbs }) =>
          apiGroups.includes(rbacGroup) && resources.includes('clusterroles') && verbs.includes('bind'),
      )
      .flatMap(({ resourceNames = [] }) => resourceNames),
  );
  return asked.filter((name) => name === neverBindable || !bindable.has(name));
}

/** A rule in words, as short as `get,list pods`. */
export function describeRule(rule: RbacRule): string {
  const names = rule.resourceNames?.length ? ` named ${rule.resourceNames.join(',')}` : '';
  if (rule.nonResourceURLs?.length) return `${rule.verbs.join(',')} ${rule.nonResourceURLs.join(',')}`;
  const groups = (rule.apiGroups ?? []).filter((name) => name !== '').join(',');
  return `${rule.verbs.join(',')} ${(rule.resources ?? []).join(',')}${groups === '' ? '' : `.${groups}`}${names}`;
}

/** One API group, resource and verb each (and one name, where names are given), or one URL and verb. */
function partsOf(rule: RbacRule): RbacRule[] {
  const names: readonly (readonly string[])[] = rule.resourceNames?.length
    ? rule.resourceNames.map((name) => [name])
    : [[]];
  const urls = (rule.nonResourceURLs ?? []).flatMap((url) =>
    rule.verbs.map((verb): RbacRule => ({ verbs: [verb], nonResourceURLs: [url] })),
  );
  const resources = (rule.apiGroups ?? []).flatMap((apiGroup) =>
    (rule.resources ?? []).flatMap((resource) =>
      rule.verbs.flatMap((verb) =>
        names.map(
          (resourceNames): RbacRule => ({
            apiGroups: [apiGroup],
            resources: [resource],
            verbs: [verb],
            ...(resourceNames.length > 0 ? { resourceNames } : {}),
          }),
        ),
      ),
    ),
  );
  return [...urls, ...resources];
}

function isForbidden({ apiGroups = [], resources = [], verbs }: RbacRule): boolean {
  if (verbs.some((verb) => escalatingVerbs.test(verb))) return true;
  return apiGroups.some((apiGroup) =>
    resources.some((resource) => {
      const [plain = ''] = resource.split('/');
      return neverGrantable.some(
        (never) =>
          overlaps(apiGroup, never.group) &&
          overlaps(plain, never.resource) &&
          !verbs.every((verb) => never.except?.includes(verb)),
      );
    }),
  );
}

function overlaps(a: string, b: string): boolean {
  return a === '*' || b === '*' || a === b;
}

/** Whether the one rule permits everything that the other does. */
function covers(owned: RbacRule, asked: RbacRule): boolean {
  return (
    hasAll(owned.verbs, asked.verbs) &&
    hasAll(owned.apiGroups, asked.apiGroups) &&
    coversResources(owned.resources, asked.resources) &&
    coversNames(owned.resourceNames, asked.resourceNames) &&
    coversUrls(owned.nonResourceURLs, asked.nonResourceURLs)
  );
}

/** A star stands for every value. */
function hasAll(owned: readonly string[] = [], asked: readonly string[] = []): boolean {
  return owned.includes('*') || asked.every((value) => owned.includes(value));
}

/** A star stands for every resource and subresource; a star before a slash for every resource's subresource of that name. */
function coversResources(owned: readonly string[] = [], asked: readonly string[] = []): boolean {
  return asked.every((resource) => {
    const slash = resource.indexOf('/');
    return hasAll(owned, [resource]) || (slash >= 0 && owned.includes(`*${resource.slice(slash)}`));
  });
}

/** A rule without names is about all names; one with names about just these. */
function coversNames(owned: readonly string[] = [], asked: readonly string[] = []): boolean {
  if (owned.length === 0) return true;
  return asked.length > 0 && asked.every((name) => owned.includes(name));
}

function coversUrls(owned: readonly string[] = [], asked: readonly string[] = []): boolean {
  return asked.every((url) =>
    owned.some(
      (pattern) => pattern === url || (pattern.endsWith('*') && url.startsWith(pattern.replace(/\*+$/, ''))),
    ),
  );
}
