const secretName = /^(.*token|(proxy-)?authorization|(set-)?cookie|pass(word|phrase)|.*key-?data)$/i;
const bearer = /\b(Bearer|Basic)\s+[\w\-.~+/]+=*/gi;
const jsonWebToken = /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g;
const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;
const redacted = '[redacted]';
/** Deeper than this, structure is of no use in a log line, and may be a cycle. */
const maxDepth = 6;

/**
 * A copy fit for logs: values under names that hold credentials are replaced, credentials inside other strings are cut
 * out, errors become plain data with their chain of causes.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= maxDepth) return '[nested too deep]';
  if (value instanceof Error) return serializeError(value, depth);
  if (value instanceof Date) return value.toJSON();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  const entries = value instanceof Map ? value.entries() : Object.entries(value);
  const copy: Record<string, unknown> = {};
  for (const [key, item] of entries) {
    copy[String(key)] = isSecret(String(key), item) ? redacted : redact(item, depth + 1);
  }
  return copy;
}

/** A flag such as `automountToken: false` holds no credential. */
function isSecret(name: string, value: unknown): boolean {
  return typeof value !== 'boolean' && value !== undefined && value !== null && secretName.test(name);
}

function redactText(text: string): string {
  return text.replace(privateKey, redacted).replace(bearer, `$1 ${redacted}`).replace(jsonWebToken, redacted);
}

/** Own fields (status, reason, code, operation) are kept: they are what a reader filters by. */
function serializeError(error: Error, depth: number): Record<string, unknown> {
  const { cause, stack, name, message, ...fields } = error as Error & Record<string, unknown>;
  return {
    name,
    message: redactText(message),
    ...(redact(fields, depth + 1) as Record<string, unknown>),
    ...(stack !== undefined && depth <= 1 && { stack: redactText(stack) }),
    ...(cause !== undefined && { cause: redact(cause, depth + 1) }),
    ...(error instanceof AggregateError && {
      errors: error.errors.map((inner) => redact(inner, depth + 1)),
    }),
  };
}
