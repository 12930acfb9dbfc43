/** Whose an object is. */
import type { ObservedObject } from './observed.ts';

/**
 * Whether an object is one that we wrote. Labels alone could be put on by anybody, so the name must be one
 * that we give, too; a ServiceAccount's name is the user's, so there the API server must remember that we wrote it.
 */
export function isOurs(object: ObservedObject): boolean {
  if (!object.managed) return false;
  return object.kind === 'ServiceAccount'
    ? object.writtenByUs
    : object.name.startsWith(`${object.baseline}.`);
}

/**
 * Whether it is ours and holds what we wrote, for where nothing tells what it should hold: the API server remembers us, and nobody
 * since. Field managers are what each client calls itself, so this is proof against people and tools that do not lie; whoever would
 * must put our labels on his object as well, which the guard refuses.
 */
export function isAsWritten(object: ObservedObject): boolean {
  return isOurs(object) && object.writtenByUs && object.rival === undefined && !object.terminating;
}
