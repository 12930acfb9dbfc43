/**
 * Kubernetes quantities, compared exactly.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */

const pattern = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d{1,2})?$/;

const binary: Readonly<Record<string, bigint>> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
};

const decimalExponents: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};

/**
 * The quantity in billionths (the finest that Kubernetes keeps; finer parts are rounded up, away from zero), or
 * undefined for a text that is no quantity.
 */
export function parseQuantity(quantity: string | number): bigint | undefined {
  const match = pattern.exec(String(quantity));
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', suffix = ''] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = BigInt(whole + fraction);
  const exponent = 9 - fraction.length + decimalExponentOf(suffix);
  const scaled = digits * (binary[suffix] ?? 1n);
  const billionths =
    exponent >= 0 ? scaled * 10n ** BigInt(exponent) : divideRoundingUp(scaled, 10n ** BigInt(-exponent));
  return sign === '-' ? -billionths : billionths;
}

/** The one spelling of a quantity that all equal ones share; a text that is no quantity stays as it is. */
export function canonicalQuantity(quantity: string | number): string {
  return parseQuantity(quantity)?.toString() ?? String(quantity);
}

function decimalExponentOf(suffix: string): number {
  if (suffix === '' || suffix in binary) return 0;
  return decimalExponents[suffix] ?? Number(suffix.slice(1));
}

function divideRoundingUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}
