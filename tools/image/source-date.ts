/** The time that what is built carries, so that the same sources give the same bytes (https://reproducible-builds.org/specs/source-date-epoch/). */
import { answer } from '../foreign/run.ts';

/**
 * `SOURCE_DATE_EPOCH` where it is set, else when HEAD was committed, else (no git here) 0. Seconds since the epoch.
 *
 * @throws when SOURCE_DATE_EPOCH is no such number.
 */
export async function sourceDate(environment: NodeJS.ProcessEnv = process.env): Promise<number> {
  const text = environment.SOURCE_DATE_EPOCH || (await answer('git', 'log', '-1', '--format=%ct')) || '0';
  const seconds = Number(text);
  if (Number.isSafeInteger(seconds) && seconds >= 0) return seconds;
  throw new Error(`SOURCE_DATE_EPOCH is ${JSON.stringify(text)}, and not a number of seconds`);
}
