/**
 * The Pod Security labels that we put on a namespace, beside those that are somebody else's. Level and version are labels of their own, so
 * that one of them may be ours and the other theirs.
 */
import type { DesiredState, PodSecurityLevel, PodSecurityMode } from '../baseline/desired-state.ts';
import {
  compareVersions,
  isStricter,
  podSecurityLabels,
  podSecurityModes,
  refusesAll,
  standing,
  strictness,
} from '../baseline/pod-security.ts';
import type { ObservedNamespace } from './observed-namespace.ts';

/** What is to become of the Pod Security labels. */
export interface PodSecurityChange {
  /** All of them that are to be ours. */
  readonly labels: Readonly<Record<string, string>>;
  readonly differs: boolean;
  /** Something would pass that is refused now. */
  readonly loses: boolean;
}

type Labels = Readonly<Record<string, string>>;

/** Which of our labels stay, although what gave them writes none any more. */
export type Staying =
  | 'nothing'
  /** Those of modes of which no level is wanted. A baseline in Audit mode has no say against those that enforce. */
  | 'unwanted'
  /** All, and none gets weaker: a removal is held. */
  | 'everything';

export function podSecurityChange(
  { podSecurity }: DesiredState,
  namespace: ObservedNamespace,
  staying: Staying,
): PodSecurityChange {
  const labels: Labels = Object.assign(
    {},
    ...podSecurityModes.map((mode) => labelsOf(mode, podSecurity[mode], namespace, staying)),
  );
  const dropped = namespace.ownedLabels.filter((key) => !Object.hasOwn(labels, key));
  const gone = Object.fromEntries(dropped.map((key) => [key, undefined]));
  const after = { ...namespace.labels, ...gone, ...labels };
  return {
    labels,
    differs:
      dropped.length > 0 || Object.entries(labels).some(([key, text]) => namespace.labels[key] !== text),
    loses: podSecurityModes.some(
      (mode) => !refusesAll(standing(mode, after), standing(mode, namespace.labels)),
    ),
  };
}

/**
 * Those of one mode. We never write a weaker value than somebody else's: of a pair that refuses all that ours would, we leave both; where
 * neither refuses all that the other does (theirs `restricted` as of `v1.0`, ours `baseline` as of `latest`), each label gets the stricter
 * value, and is ours only where that is our value: together they refuse what either does.
 *
 * What is ours follows what is wanted, also downwards, unless it stays. Then it is what the baselines would give together, had the one
 * which gave it not gone: the stricter level with its version; and a level that rises above it does not get an older version.
 */
function labelsOf(
  mode: PodSecurityMode,
  want: PodSecurityLevel | undefined,
  { labels, ownedLabels }: ObservedNamespace,
  staying: Staying,
): Labels {
  const keys = podSecurityLabels(mode);
  const there = standing(mode, labels);
  const isOurs = (key: string): boolean => ownedLabels.includes(key);
  const ours = Object.fromEntries(
    Object.entries(labels).filter(([key]) => (key === keys.level || key === keys.version) && isOurs(key)),
  );
  const stays = staying === 'everything';
  if (want === undefined) return staying === 'nothing' ? {} : ours;
  if (stays && isOurs(keys.level) && isStricter(there, want)) return ours;
  const isTheirs = !isOurs(keys.level) && !isOurs(keys.version);
  if (isTheirs && refusesAll(there, want) && !refusesAll(want, there)) return {};

  const isLevelTheirs = !isOurs(keys.level) && strictness(there.level) > strictness(want.level);
  // A version that no label gives is nobody's wish, nor is one that somebody put beside a level which refuses nothing.
  const isVersionKept =
    (stays || !isOurs(keys.version)) &&
    labels[keys.version] !== undefined &&
    (isOurs(keys.level) || strictness(there.level) > strictness('privileged')) &&
    compareVersions(there.version, want.version) > 0;
  return {
    ...(isLevelTheirs ? {} : { [keys.level]: want.level }),
    ...(isVersionKept ? {} : { [keys.version]: want.version }),
    ...(isVersionKept && isOurs(keys.version) ? { [keys.version]: there.version } : {}),
  };
}
