/**
 * Pod Security levels: the strictest wins, per mode; the version is that of the baseline that gave the level.
 * Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
import { podSecurityPrefix } from '../api/labels.ts';
import type { SecurityBaseline } from '../api/types.generated.ts';
import type { DesiredState, PodSecurityLevel, PodSecurityMode } from './desired-state.ts';

/** Pod Security's modes, in the order in which they are listed. */
export const podSecurityModes: readonly PodSecurityMode[] = ['enforce', 'audit', 'warn'];

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

function isStricter(a: PodSecurityLevel, b: PodSecurityLevel): boolean {
  const difference = strictness(a.level) - strictness(b.level);
  return difference > 0 || (difference === 0 && compareVersions(a.version, b.version) > 0);
}

/** `latest` is newer than every version; `v1.9` is older than `v1.30`. */
export function compareVersions(a: string, b: string): number {
  return minorOf(a) - minorOf(b);
}

function minorOf(version: string): number {
  return version === 'latest' ? Number.MAX_SAFE_INTEGER : Number(version.slice('v1.'.length));
}
