import type { AuditEvent, AuditLog } from '../support/audit-log.ts';

/** An event of the audit log, with what else it holds. */
export interface TrailEvent extends AuditEvent {
  readonly auditID: string;
  /** A watch has two events: one when it is open, one when it has ended. */
  readonly stage: 'ResponseStarted' | 'ResponseComplete' | 'Panic';
  readonly user: AuditEvent['user'] & { readonly extra?: Readonly<Record<string, readonly string[]>> };
  /** When the request had been answered. RFC 3339, microseconds. */
  readonly stageTimestamp: string;
}

/**
 * What the audit log calls a token: two processes under one ServiceAccount are told apart by it.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/ (credential-id)
 */
export function credentialOf(token: string): string {
  const [, claims = ''] = token.split('.');
  const { jti } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as { jti: string };
  return `JTI=${jti}`;
}

/** The requests since a mark, by the credential they were made with. */
export async function requestsWith(audit: AuditLog, mark: number): Promise<Map<string, TrailEvent[]>> {
  const byCredential = new Map<string, TrailEvent[]>();
  for (const event of (await audit.since(mark)) as readonly TrailEvent[]) {
    const [credential = ''] = event.user.extra?.['authentication.kubernetes.io/credential-id'] ?? [];
    const events = byCredential.get(credential) ?? [];
    events.push(event);
    byCredential.set(credential, events);
  }
  return byCredential;
}
