import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { expectedIn } from '../../../tools/demo/expected.ts';
import { milliseconds, Screen } from '../../../tools/demo/screen.ts';
import { tamperings } from '../../../tools/demo/tampering.ts';

class Paper extends Writable {
  text = '';
  readonly isTTY: boolean;

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override write(text: unknown): boolean {
    this.text += String(text);
    return true;
  }
}

function write(isTTY: boolean, draw: (screen: Screen) => void): string {
  const paper = new Paper(isTTY);
  draw(new Screen(paper));
  return paper.text;
}

afterEach(() => vi.unstubAllEnvs());

const long = 'the namespace holds what its baseline declares, '.repeat(5);

function everything(screen: Screen): void {
  screen.title('A title');
  screen.chapter('1  A chapter');
  screen.say(long, 'dim');
  screen.done(long, '1,234 ms');
  screen.failed(long);
  screen.detail(long);
  for (const { commands, outcome } of tamperings) {
    screen.command(...commands);
    screen.done(outcome, '1,234 ms');
  }
  screen.table(
    ['kind', 'name', 'purpose'],
    expectedIn('shop').map(({ kind, name, purpose }) => [kind, name, purpose]),
  );
}

describe('the screen', () => {
  test.each([true, false])('stays within 80 columns (terminal: %s)', (isTTY) => {
    const lines = write(isTTY, everything).split('\n').map(stripVTControlCharacters);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  test('writes no control characters where there is no terminal', () => {
    const text = write(false, everything);
    expect(text).toBe(stripVTControlCharacters(text));
  });

  test('is coloured on a terminal, and says the same', () => {
    vi.stubEnv('NO_COLOR', undefined);
    vi.stubEnv('FORCE_COLOR', undefined);
    const text = write(true, everything);
    expect(text).not.toBe(stripVTControlCharacters(text));
    expect(stripVTControlCharacters(text)).toBe(write(false, everything));
  });

  test('shows figures at the end of the line, numbers of a table to the right', () => {
    expect(write(false, (screen) => screen.done('back', '12 ms'))).toBe(`  ✓ back${' '.repeat(67)}12 ms\n`);
    const draw = (screen: Screen): void => screen.table(['name', 'count'], [['shop', 4]]);
    expect(write(false, draw)).toBe('  name  count\n  shop      4\n');
  });

  test('says that a step goes on only where it can take that back', async () => {
    const paper = new Paper(false);
    await new Screen(paper).step('something long', async () => undefined);
    expect(paper.text).toMatch(/^ {2}✓ something long +\d\.\d s\n$/);
  });
});

test.each([
  [4.23, '4.2 ms'],
  [31.4, '31 ms'],
  [1204, '1,204 ms'],
])('%s milliseconds are read as %s', (duration, text) => {
  expect(milliseconds(duration)).toBe(text);
});
