/** What a command says to the shell. Stable: scripts depend on it. */
export const exitCodes = {
  /** Done; the answer is yes, or there is nothing to change. */
  ok: 0,
  /** It could not be done, was used wrongly, or found what `--fail-on` names. */
  error: 1,
  /** Done; the answer is no, or there is something to change. */
  differs: 2,
} as const;

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
