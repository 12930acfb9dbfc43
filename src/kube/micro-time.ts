/**
 * Kubernetes' MicroTime: RFC 3339 in UTC with exactly six digits of a second.
 * Source: https://pkg.go.dev/k8s.io/apimachinery/pkg/apis/meta/v1#MicroTime
 *
 * @param nowMs milliseconds since the epoch
 */
export function microTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace('Z', '000Z');
}
