import { describe, expect, it } from 'vitest';
import { exceptionMark, hardenedMark, podSecurityMark } from '../../../src/baseline/admission-marks.ts';

describe('what the operator tells admission', () => {
  it('lists the baselines of a hardened namespace in one order', () => {
    expect(hardenedMark(['b', 'a'])).toBe('a,b');
  });

  it('has no mark for a namespace that is not hardened', () => {
    expect(hardenedMark([])).toBeUndefined();
    expect(podSecurityMark([])).toBeUndefined();
    expect(exceptionMark([])).toBeUndefined();
  });

  it('lists the modes of Pod Security in one order', () => {
    expect(podSecurityMark(['warn', 'enforce'])).toBe('enforce,warn');
  });

  it('lists exceptions in one order, without doubles', () => {
    const egress = { kind: 'Egress', expiresAt: '2030-01-31T12:00:00Z' } as const;
    const images = { kind: 'Images', expiresAt: '2030-01-31T12:00:00Z', source: 'ghcr.io/acme/' } as const;
    const mark = 'Egress 2030-01-31T12:00:00Z;Images 2030-01-31T12:00:00Z ghcr.io/acme/';
    expect(exceptionMark([images, egress, egress])).toBe(mark);
  });

  it.each(['2030-01-31', '2030-01-31T12:00:00+02:00', '2030-01-31T12:00:00Z;Images x'])(
    'refuses the expiry %s',
    (expiresAt) => {
      expect(() => exceptionMark([{ kind: 'Egress', expiresAt }])).toThrow(expiresAt);
    },
  );

  it.each(['', 'ghcr.io/a b/', 'ghcr.io/a;Egress 2199-01-01T00:00:00Z', 'Ghcr.io/a/'])(
    'refuses the source %j',
    (source) => {
      const expiresAt = '2030-01-31T12:00:00Z';
      expect(() => exceptionMark([{ kind: 'Images', expiresAt, source }])).toThrow(TypeError);
    },
  );
});
