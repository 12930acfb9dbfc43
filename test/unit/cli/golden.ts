/** Output that is compared with files. To write them anew: UPDATE_GOLDEN=1 npx vitest run ...; then read the difference. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect } from 'vitest';

const folder = new URL('golden/', import.meta.url);

/** Expects the text to be what the golden file of this name holds. */
export function expectGolden(name: string, text: string): void {
  const file = new URL(name, folder);
  if (process.env.UPDATE_GOLDEN === '1') {
    mkdirSync(dirname(file.pathname), { recursive: true });
    writeFileSync(file, text);
  }
  let golden: string;
  try {
    golden = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`there is no golden file ${name}: run with UPDATE_GOLDEN=1 to write it`, {
      cause: error,
    });
  }
  expect(text).toBe(golden);
}
