/**
 * What a baseline may grant: only what the platform team put into the grantable ClusterRole. The API
 * server's own escalation check would not do: it also passes whatever the operator needs for its own work.
 */
import { managedKinds } from '../api/kinds.ts';
import { group } from '../api/labels.ts';
import type { RbacRule } from '../api/objects.ts';

/** Resources that no baseline can grant, whatever the grantable ClusterRole says: with them a tenant could undo the baseline. */
const neverGrantable: readonly { readonly group: string; readonly resource: string }[] = [
  ...Object.values(managedKinds).map((kind) => ({ group: kind.group, resource: kind.plural })),
  { group, resource: 'securitybaselines' },
  { group, resource: 'baselineexceptions' },
];

/** The parts of the asked-for rules that may not be granted, one rule each; empty where all may. */
export function notGrantable(asked: readonly RbacRule[], grantable: readonly RbacRule[]): RbacRule[] {
  return asked
    .flatMap((rule) => partsOf(rule))
    .filter((part) => isForbidden(part) || !isCovered(part, grantable));
}

/** A rule in words, as short as `get,list pods`. */
export function describeRule(rule: RbacRule): string {
  const names = rule.resourceNames?.length ? ` named ${rule.resourceNames.join(',')}` : '';
  if (rule.nonResourceURLs?.length) return `${rule.verbs.join(',')} ${rule.nonResourceURLs.join(',')}`;
  const groups = (rule.apiGroups ?? []).filter((name) => name !== '').join(',');
  return `${rule.verbs.join(',')} ${(rule.resources ?? []).join(',')}${groups === '' ? '' : `.${groups}`}${names}`;
}

/** One API group, resource and verb each (and one name, where names are given). */
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

function isForbidden(part: RbacRule): boolean {
  return (part.apiGroups ?? []).some((apiGroup) =>
    (part.resources ?? []).some((resource) => {
      const [plain = ''] = resource.split('/');
      return neverGrantable.some(
        (never) =>
          (apiGroup === '*' || apiGroup === never.group) && (plain === '*' || plain === never.resource),
      );
    }),
  );
}

function isCovered(part: RbacRule, grantable: readonly RbacRule[]): boolean {
  return grantable.some(
    (rule) =>
      covers(rule.verbs, part.verbs) &&
      (part.nonResourceURLs === undefined
        ? covers(rule.apiGroups, part.apiGroups) &&
          coversResource(rule.resources, part.resources) &&
          coversNames(rule, part)
        : coversUrl(rule.nonResourceURLs, part.nonResourceURLs)),
  );
}

function covers(granted: readonly string[] = [], asked: readonly string[] = []): boolean {
  return granted.includes('*') || asked.every((value) => granted.includes(value));
}

/** A star stands for every resource and subresource; a star before a slash for every resource's subresource of that name. */
function coversResource(granted: readonly string[] = [], asked: readonly string[] = []): boolean {
  return (
    covers(granted, asked) ||
    asked.every((resource) => {
      const [, subresource] = resource.split('/');
      return (
        granted.includes(resource) || (subresource !== undefined && granted.includes(`*/${subresource}`))
      );
    })
  );
}

/** A rule without names covers all names; one with names covers just these. */
function coversNames(granted: RbacRule, asked: RbacRule): boolean {
  if (!granted.resourceNames?.length) return true;
  return (asked.resourceNames?.length ?? 0) > 0 && covers(granted.resourceNames, asked.resourceNames);
}

function coversUrl(granted: readonly string[] = [], asked: readonly string[] = []): boolean {
  return asked.every((url) =>
    granted.some(
      (pattern) => pattern === url || (pattern.endsWith('*') && url.startsWith(pattern.slice(0, -1))),
    ),
  );
}
