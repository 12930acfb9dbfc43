/** Permissions in their smallest parts, to compare what may be done with what was done. */
import { readFile } from 'node:fs/promises';
import type { RestClient, ServedObject } from '../support/rest-client.ts';

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** One verb on one resource, of one name and in one namespace where it is bound to such. */
export interface Atom {
  readonly verb: string;
  readonly group: string;
  /** With its subresource: `pods/log`. */
  readonly resource: string;
  readonly name?: string;
  readonly namespace?: string;
}

/** A request that was made, as the audit log has it. */
export interface Done {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name: string;
  readonly namespace: string;
  /** RBAC's answer. */
  readonly isAllowed: boolean;
}

/** A role as something is bound to it. */
export interface BoundRole {
  readonly kind: 'Role' | 'ClusterRole';
  readonly name: string;
  /** Where the binding is, unless it is one for the whole cluster. */
  readonly namespace?: string;
}

/** The roles that a ServiceAccount is bound to by name, rather than as one of a group. */
export async function rolesBoundTo(
  admin: RestClient,
  account: { readonly namespace: string; readonly name: string },
): Promise<readonly BoundRole[]> {
  const bindings = [
    ...(await admin.list({ kind: 'ClusterRoleBinding' })),
    ...(await admin.list({ kind: 'RoleBinding' })),
  ].filter(({ subjects }) => (subjects as readonly Subject[] | undefined)?.some(isAccount));
  function isAccount({ kind, name, namespace }: Subject): boolean {
    return kind === 'ServiceAccount' && name === account.name && namespace === account.namespace;
  }
  return bindings.map(({ roleRef, metadata: { namespace } }) => {
    const { kind, name } = roleRef as BoundRole;
    return { kind, name, ...(namespace === undefined ? {} : { namespace }) };
  });
}

/** Everything that a role allows where it is bound. */
export async function atomsOf(
  admin: RestClient,
  { kind, name, namespace }: BoundRole,
): Promise<readonly Atom[]> {
  const inNamespace = namespace === undefined ? {} : { namespace };
  const role: ServedObject = await admin.get({ kind, name, ...(kind === 'Role' ? inNamespace : {}) });
  return ((role.rules ?? []) as readonly Rule[]).flatMap((rule) => split(rule, inNamespace));
}

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}
function split(rule: Rule, scope: { readonly namespace?: string }): readonly Atom[] {
  const names = rule.resourceNames?.map((name) => ({ name })) ?? [{}];
  return rule.verbs.flatMap((verb) =>
    (rule.apiGroups ?? []).flatMap((group) =>
      (rule.resources ?? []).flatMap((resource) =>
        names.map((name) => ({ verb, group, resource, ...name, ...scope })),
      ),
    ),
  );
}

/** What a user has asked of the API server, by its audit log. */
export async function requestsOf(user: string, auditLogPath: string): Promise<readonly Done[]> {
  const lines = (await readFile(auditLogPath, 'utf8')).split('\n').filter((line) => line.includes(user));
  return lines
    .map((line) => JSON.parse(line) as Logged)
    .filter((event) => event.user.username === user && event.objectRef !== undefined)
    .map(({ verb, objectRef = {}, requestURI, annotations }) => ({
      verb,
      group: objectRef.apiGroup ?? '',
      resource: [objectRef.resource, objectRef.subresource].filter((part) => part !== undefined).join('/'),
      // A list or watch of one name says it in its selector, and RBAC reads it there.
      name: objectRef.name ?? /fieldSelector=metadata\.name(?:=|%3D)([^&]+)/.exec(requestURI)?.[1] ?? '',
      namespace: objectRef.namespace ?? '',
      isAllowed: annotations?.['authorization.k8s.io/decision'] === 'allow',
    }));
}

interface Logged {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Whether the request took this permission. */
export function needs(done: Done, atom: Atom): boolean {
  return (
    done.verb === atom.verb &&
    done.group === atom.group &&
    done.resource === atom.resource &&
    (atom.name === undefined || atom.name === done.name) &&
    (atom.namespace === undefined || atom.namespace === done.namespace)
  );
}

/** Such as `patch namespaces` or `get leases.coordination.k8s.io security-baseline-system/security-baseline-operator`. */
export function textOf({ verb, group, resource, namespace, name }: Atom): string {
  const object = [namespace, name].filter((part) => part !== undefined && part !== '').join('/');
  return [verb, group === '' ? resource : `${resource}.${group}`, object].join(' ').trim();
}
