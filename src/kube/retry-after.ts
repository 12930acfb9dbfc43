/**
 * Reads a Retry-After header: delta seconds or an HTTP date.
 * Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 *
 * @param nowMs wall clock, milliseconds since the epoch; a date is counted from here
 * @returns milliseconds to wait, 0 for a date that has passed, undefined where the value is absent or unreadable
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim();
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // Date.parse also accepts "1.5" and "-3" as years; an HTTP date always starts with the name of a day.
  if (!/^[A-Za-z]{3}/.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
