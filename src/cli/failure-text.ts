/** What went wrong, in words that say what to do. */
import { type ApiError, isApiError } from '../kube/api-error.ts';
import { CredentialsError } from '../kube/credentials.ts';
import { describeOperation } from '../kube/operation.ts';
import { UserError } from './user-error.ts';

/** The lines to show for a failed command; a bug of ours shows its stack. */
export function failureLines(error: unknown): readonly string[] {
  if (error instanceof UserError) {
    return [`error: ${error.message}`, ...(error.fix === undefined ? [] : [error.fix])];
  }
  if (isApiError(error)) return [`error: ${error.message}`, ...fixOf(error)];
  if (error instanceof CredentialsError) {
    return [`error: ${error.message}`, 'Check the kubeconfig: kubectl config view --minify'];
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [`error: ${text}`, 'This is a bug in kubectl-baseline: please report it.'];
}

function fixOf(error: ApiError): readonly string[] {
  switch (error.kind) {
    case 'network':
      return ['The API server cannot be reached. Check --context and --kubeconfig: kubectl cluster-info'];
    case 'timeout':
    case 'unavailable':
    case 'tooManyRequests':
      return ['The API server did not answer in time. Try again; kubectl get --raw=/readyz says how it is.'];
    case 'unauthorized':
      return [
        'Your credentials were refused. Log in again, or choose others with --context or --kubeconfig.',
      ];
    case 'forbidden':
      return [`You lack the permission to ${describeOperation(error.operation)}. Ask whoever manages RBAC.`];
    case 'notFound':
      return error.operation.resource.startsWith('securitybaselines')
        ? [
            'Check the name: kubectl get securitybaselines. If the kind is unknown, the operator is not installed.',
          ]
        : [];
    default:
      return [];
  }
}
