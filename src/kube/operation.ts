/** The verbs of the Kubernetes API, as they appear in RBAC rules, audit logs and metrics. */
export type Verb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'apply'
  | 'delete'
  | 'deletecollection';

/** What a request does and to what: for messages, logs and metrics. Never holds a body or a credential. */
export interface Operation {
  readonly verb: Verb;
  /** Plural name, with the subresource where there is one: `networkpolicies`, `securitybaselines/status`. */
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

/** @returns for example `create networkpolicies team-a/tenant.default-deny` */
export function describeOperation({ verb, resource, namespace, name }: Operation): string {
  const object = [namespace, name].filter((part) => part !== undefined).join('/');
  return object === '' ? `${verb} ${resource}` : `${verb} ${resource} ${object}`;
}
