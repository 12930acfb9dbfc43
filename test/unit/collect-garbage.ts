import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Collects everything that nobody holds, and lets those hear of it who asked to. */
export async function collectGarbage(): Promise<void> {
  // What a WeakRef was asked for stays until the end of the turn.
  await setImmediate();
  gc();
  await setImmediate();
}
