/**
 * Resource versions are comparable decimal numbers without leading zeros, of any size (KEP-5504; the API server's own
 * storage has always produced such). So the longer one is the newer one, and of two equally long ones the one
 * that sorts later: exact, and without a conversion for each of 70,000 events.
 * Source: https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/5504-comparable-resource-version
 */
export function isNewer(version: string, than: string): boolean {
  return version.length === than.length ? version > than : version.length > than.length;
}
