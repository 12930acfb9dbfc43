/** Amounts of resources for people. */

const billion = 1_000_000_000n;
const binaryUnits = [
  ['Ti', 1n << 40n],
  ['Gi', 1n << 30n],
  ['Mi', 1n << 20n],
  ['Ki', 1n << 10n],
] as const;

/** An amount, in billionths, in the largest unit that is exact: `2`, `1500m`, `3Gi`. */
export function formatAmount(amount: bigint): string {
  if (amount % billion !== 0n) {
    const thousandths = (amount * 1000n + billion - 1n) / billion;
    return `${thousandths}m`;
  }
  const whole = amount / billion;
  const unit = whole === 0n ? undefined : binaryUnits.find(([, size]) => whole % size === 0n);
  return unit === undefined ? String(whole) : `${whole / unit[1]}${unit[0]}`;
}
