import { describe, expect, it } from 'vitest';
import { hasDigest, hasTag, isFrom, normalizedImage } from '../../../../src/cli/check/image-name.ts';

const hash = `sha256:${'a'.repeat(64)}`;

describe('normalizedImage', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1', 'docker.io/library/nginx:1'],
    [`nginx@${hash}`, `docker.io/library/nginx@${hash}`],
    [`nginx:1@${hash}`, `docker.io/library/nginx:1@${hash}`],
    ['team/app', 'docker.io/team/app:latest'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/nginx:1', 'docker.io/library/nginx:1'],
    ['index.docker.io/team/app:1', 'docker.io/team/app:1'],
    ['registry.example.com/app', 'registry.example.com/app:latest'],
    ['registry.example.com:5000/app', 'registry.example.com:5000/app:latest'],
    ['registry.example.com:5000/app:1', 'registry.example.com:5000/app:1'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app', 'localhost:5000/app:latest'],
    // Upper case makes a host of the first part.
    ['Team/app', 'Team/app:latest'],
    ['REGISTRY.example.com/app:1', 'REGISTRY.example.com/app:1'],
  ])('reads %s as %s', (image, full) => {
    expect(normalizedImage(image)).toBe(full);
  });
});

describe('sources, digests and tags', () => {
  it('take a source that ends in / for a prefix, and any other for one repository', () => {
    expect(isFrom('registry.example.com/a/b:1', 'registry.example.com/')).toBe(true);
    expect(isFrom('registry.example.com.evil.io/a:1', 'registry.example.com/')).toBe(false);
    expect(isFrom('docker.io/library/nginx:1', 'docker.io/library/nginx')).toBe(true);
    expect(isFrom(`docker.io/library/nginx@${hash}`, 'docker.io/library/nginx')).toBe(true);
    expect(isFrom('docker.io/library/nginx-evil:1', 'docker.io/library/nginx')).toBe(false);
  });

  it('take only whole digests, and the tag beside a digest too', () => {
    expect(hasDigest(`a@${hash}`)).toBe(true);
    expect(hasDigest('a@sha256:aaaa')).toBe(false);
    expect(hasDigest('a:sha256')).toBe(false);
    expect(hasTag(`a:latest@${hash}`, 'latest')).toBe(true);
    expect(hasTag('a:not-latest', 'latest')).toBe(false);
  });
});
