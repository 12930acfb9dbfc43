/**
 * Pod Security levels: the strictest wins, per mode; the version is that of the baseline that gave the level.
 * Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
import { podSecurityPrefix } from '../api/labels.ts';
import type { SecurityBaseline } from '../api/types.generated.ts';
import type { DesiredState, PodSecurityLevel, PodSecurityMode } from './desired-state.ts';

/** Pod Security's modes, in the order in which they are listed. */
export const podSecurityModes: readonly PodSecurityMode[] = ['enforce', 'audit', 'warn'];

/** A level as labels have it: of any text, or none. */
export interface PodSecurityStanding {
  readonly level: string | undefined;
  readonly version: string;
}

/** How strict a level is; a value that the API server does not know is weaker than all. */
export function strictness(level: string | undefined): number {
  return level === undefined ? -1 : ['privileged', 'baseline', 'restricted'].indexOf(level);
}

/** The labels' keys for one mode. */
export function podSecurityLabels(mode: PodSecurityMode): {
  readonly level: string;
  readonly version: string;
} {
  return { level: podSecurityPrefix + mode, version: `${podSecurityPrefix}${mode}-version` };
}

/** What a namespace's labels say for one mode; without a version it is the latest. */
export function standing(
  mode: PodSecurityMode,
  labels: Readonly<Record<string, string | undefined>>,
): PodSecurityStanding {
  const { level, version } = podSecurityLabels(mode);
  return { level: labels[level], version: labels[version] ?? 'latest' };
}

/** What the baselines give together. */
export function composePodSecurity(baselines: readonly SecurityBaseline[]): DesiredState['podSecurity'] {
  const composed: Partial<Record<PodSecurityMode, PodSecurityLevel>> = {};
  for (const mode of podSecurityModes) {
    for (const { spec } of baselines) {
      const level = spec.podSecurity?.[mode];
      if (level === undefined) continue;
      const candidate = { level, version: spec.podSecurity?.version ?? 'latest' };
      const current = composed[mode];
      if (current === undefined || isStricter(candidate, current)) composed[mode] = candidate;
    }
  }
  return composed;
}

/**
 * Which of two the baselines give together: the level decides, and the version only between equal levels. So the stricter one may be
 * of an older version, and let through what the other refuses; for that, {@link refusesAll} asks.
 */
export function isStricter(a: PodSecurityStanding, b: PodSecurityStanding): boolean {
  const difference = strictness(a.level) - strictness(b.level);
  return difference > 0 || (difference === 0 && compareVersions(a.version, b.version) > 0);
}

/**
 * Whether `a` refuses all that `b` refuses: neither its level nor its version is lower, since `restricted` as of `v1.0` knows nothing of
 * what `baseline` has refused since then. Of two, perhaps neither does. A level that refuses nothing is outdone at any version.
 */
export function refusesAll(a: PodSecurityStanding, b: PodSecurityStanding): boolean {
  if (strictness(b.level) <= strictness('privileged')) return true;
  return strictness(a.level) >= strictness(b.level) && compareVersions(a.version, b.version) >= 0;
}

/** `latest` is newer than every version; `v1.9` is older than `v1.30`. */
export function compareVersions(a: string, b: string): number {
  return minorOf(a) - minorOf(b);
}

function minorOf(version: string): number {
  return version === 'latest' ? Number.MAX_SAFE_INTEGER : Number(version.slice('v1.'.length));
}
