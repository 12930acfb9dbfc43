import { beforeAll, describe, expect, it } from 'vitest';
import { exceptionsAnnotation } from '../../../src/api/labels.ts';
import { exceptionMark } from '../../../src/baseline/admission-marks.ts';
import {
  admin,
  type Body,
  breakGlass,
  type Call,
  dryRun,
  get,
  mergePatch,
  replace,
  tenant,
} from './cluster.ts';
import { container, deployment, patchSpec, paths, pod, templates } from './pods.ts';
import { type ClusterOf, type Row, tryEach } from './table.ts';

const sha = `sha256:${'0123456789abcdef'.repeat(4)}`;
const foreign = /baseline images, admission\.images\.registries: \S+ not from registry\.example\.com/;
const tagged =
  /baseline images, admission\.images\.forbidTags: \S+:(latest|debug)\S* with one of the tags latest, debug/;
const undigested = /baseline digests, admission\.images\.requireDigest: \S+ without a digest/;

function image(name: string, namespace = 'images'): Call {
  return pod(namespace, { containers: [container({ image: name })] });
}

/** Where images come from, their digests and their tags. */
export function imageTests(cluster: ClusterOf): void {
  describe('images', () => {
    beforeAll(async () => {
      await cluster().baseline('images', {
        namespaceSelector: { matchLabels: { images: 'yes' } },
        admission: {
          images: {
            registries: ['registry.example.com/', 'ports.example.com:5000/team/', 'docker.io/library/nginx'],
            forbidTags: ['latest', 'debug'],
          },
        },
      });
      await cluster().baseline('digests', {
        namespaceSelector: { matchLabels: { digests: 'yes' } },
        admission: { images: { requireDigest: true } },
      });
      await cluster().baseline('hub', {
        namespaceSelector: { matchLabels: { images: 'hub' } },
        admission: { images: { registries: ['docker.io/'] } },
      });
      const exceptions = exceptionMark([
        { kind: 'Images', expiresAt: '2199-01-01T00:00:00Z', source: 'ghcr.io/live/' },
        { kind: 'Images', expiresAt: '2199-01-01T00:00:00Z', source: 'ghcr.io/one/app' },
        { kind: 'Images', expiresAt: '2020-01-01T00:00:00Z', source: 'ghcr.io/expired/' },
        { kind: 'Egress', expiresAt: '2199-01-01T00:00:00Z' },
      ]);
      await Promise.all([
        cluster().namespace('images', { images: 'yes' }),
        cluster().namespace('hub', { images: 'hub' }),
        cluster().namespace('digests', { digests: 'yes' }),
        cluster().namespace('excepted', { images: 'yes' }, { [exceptionsAnnotation]: exceptions }),
      ]);
      await cluster().do(
        breakGlass,
        pod('images', { containers: [container({ image: 'ghcr.io/old/app:1' })] }, { name: 'old' }),
      );
      await cluster().do(breakGlass, withImage('images', 'ghcr.io/old/app:1'));
      await cluster().do(breakGlass, pod('excepted', {}, { name: 'old' }));
      await cluster().do(breakGlass, deployment('excepted', {}, 'there'));
      await cluster().untilDenied(tenant, dryRun(image('evil.example.com/a:1')), foreign);
      await cluster().untilDenied(tenant, dryRun(image('a:1', 'digests')), undigested);
    });

    const names: readonly Row[] = [
      ...allowed('registry.example.com/app:1', 'registry.example.com/a/b/c:1.2'),
      ...allowed(`registry.example.com/app@${sha}`, `registry.example.com/app:1@${sha}`),
      ...allowed('ports.example.com:5000/team/app:1', `ports.example.com:5000/team/app@${sha}`),
      ...allowed('nginx:1', 'library/nginx:1', 'docker.io/nginx:1', 'docker.io/library/nginx:1'),
      ...allowed('index.docker.io/library/nginx:1', 'index.docker.io/nginx:1', `nginx@${sha}`),
      ...denied(
        foreign,
        'busybox:1',
        'nginx2:1',
        'nginx/nginx:1',
        'library/nginx/x:1',
        'docker.io/other/nginx:1',
      ),
      ...denied(
        foreign,
        'evil.example.com/app:1',
        'registry.example.com.evil.org/app:1',
        'registry.example.comx/app:1',
      ),
      ...denied(
        foreign,
        'evil.org/registry.example.com/app:1',
        'registry.example.com:5000/app:1',
        'localhost/app:1',
      ),
      ...denied(
        foreign,
        'ports.example.com/team/app:1',
        'ports.example.com:5000/other/app:1',
        'ports.example.com:5001/team/app:1',
      ),
      ...denied(
        foreign,
        'Registry.example.com/app:1',
        'REGISTRY.EXAMPLE.COM/app:1',
        'Nginx:1',
        'Library/nginx:1',
        'DOCKER.IO/nginx:1',
      ),
      ...denied(
        tagged,
        'nginx',
        'nginx:latest',
        'registry.example.com/app',
        'registry.example.com/app:debug',
      ),
      ...denied(tagged, 'ports.example.com:5000/team/app', `registry.example.com/app:latest@${sha}`),
    ];
    tryEach(cluster, names);

    tryEach(cluster, [
      ['an organisation on Docker Hub', image('team/app:1', 'hub'), 'allowed'],
      [
        'a host in upper case that looks like one',
        image('Team/app:1', 'hub'),
        /baseline hub.*registries: Team/,
      ],
      ['an image with a digest', image(`nginx@${sha}`, 'digests'), 'allowed'],
      ['an image with tag and digest', image(`nginx:1@${sha}`, 'digests'), 'allowed'],
      ['an image with a tag only', image('nginx:1', 'digests'), undigested],
      ['a digest that is too short', image('nginx@sha256:0123', 'digests'), undigested],
      ['a digest in upper case', image(`nginx@${sha.toUpperCase()}`, 'digests'), undigested],
    ]);

    const init = { initContainers: [container({ name: 'init', image: 'evil.example.com/a:1' })] };
    const volume = { volumes: [{ name: 'data', image: { reference: 'evil.example.com/a:1' } }] };
    const main = { containers: [container({ image: 'evil.example.com/a:1' })] };
    tryEach(cluster, [
      [
        'an image that is wrong in two ways, with both in the message',
        image('evil.example.com/app'),
        /registries: evil.* Also: baseline images, admission\.images\.forbidTags: evil/,
      ],
      ['an init container', pod('images', init), foreign],
      ['an image volume', pod('images', volume), foreign],
      ['a pod with a generated name', pod('images', main, { generateName: 'p-' }), foreign],
      ['an ephemeral container', debug('evil.example.com/debug:1'), foreign],
      ['an ephemeral container from the registry', debug('registry.example.com/debug:1'), 'allowed'],
      ['a new image in a pod that exists', patchImage('evil.example.com/a:1'), foreign],
      ['a new image of the registry in a pod that exists', patchImage('registry.example.com/a:1'), 'allowed'],
      [
        'a label on a pod in breach',
        mergePatch(`${paths.pods('images')}/old`, { metadata: { labels: { a: 'b' } } }),
        'allowed',
      ],
      ...templates('images', main).map(([kind, call]): Row => [`the template of a ${kind}`, call, foreign]),
      ...templates('images', init).map(
        ([kind, call]): Row => [`an init container of a ${kind}`, call, foreign],
      ),
      ...templates('images', {}).map(
        ([kind, call]): Row => [`a ${kind} with images of the registry`, call, 'allowed'],
      ),
      [
        'scaling a Deployment in breach',
        mergePatch(`${paths.apps('images', 'deployments')}/old`, { spec: { replicas: 3 } }),
        'allowed',
      ],
      ['a Deployment in breach replaced as it is', replaced('ghcr.io/old/app:1'), 'allowed'],
      ['a Deployment in breach with another foreign image', replaced('ghcr.io/old/app:2'), foreign],
    ]);

    tryEach(cluster, [
      ['an image under an exception', image('ghcr.io/live/app:1', 'excepted'), 'allowed'],
      ['an image under an exception, whatever its tag', image('ghcr.io/live/app', 'excepted'), 'allowed'],
      ['the one repository of an exception', image('ghcr.io/one/app:1', 'excepted'), 'allowed'],
      ['a repository beside it', image('ghcr.io/one/app2:1', 'excepted'), foreign],
      ['an image under an exception that has expired', image('ghcr.io/expired/app:1', 'excepted'), foreign],
      ['an image beside the exceptions', image('ghcr.io/other/app:1', 'excepted'), foreign],
      ['a Deployment under an exception', withImage('excepted', 'ghcr.io/live/app:1'), 'allowed'],
      [
        'a Deployment under an exception that has expired',
        withImage('excepted', 'ghcr.io/expired/app:1'),
        foreign,
      ],
      ['an ephemeral container under an exception', debug('ghcr.io/live/debug:1', 'excepted'), 'allowed'],
      [
        'an ephemeral container under an exception that has expired',
        debug('ghcr.io/expired/debug:1', 'excepted'),
        foreign,
      ],
      ...exceptedObjects.flatMap(({ kind, path, specOf }): readonly Row[] => [
        [
          `a ${kind} that exists, given an image under an exception`,
          patchSpec(path, specOf('ghcr.io/live/app:2')),
          'allowed',
        ],
        [
          `a ${kind} that exists, given an image under an exception that has expired`,
          patchSpec(path, specOf('ghcr.io/expired/app:1')),
          foreign,
        ],
      ]),
    ]);

    describe('an exception that has expired', () => {
      it.each(
        exceptedObjects.flatMap(({ kind, path }) => [
          {
            kind,
            path,
            tampering: 'older',
            managedFields: withOneInThePast,
          },
          { kind, path, tampering: 'no', managedFields: () => [{}] },
        ]),
      )('does not come back to a $kind by $tampering managed fields', async ({ path, managedFields }) => {
        const object = await cluster().do(admin, get(path));
        const metadata = object.metadata as Body & { managedFields: readonly Body[] };
        const tampered = { ...metadata, managedFields: managedFields(metadata.managedFields) };
        // Whatever a controller has written meanwhile.
        const text = JSON.stringify({ ...object, metadata: { ...tampered, resourceVersion: undefined } });
        const changed = JSON.parse(
          text.replaceAll('registry.example.com/team/app:1', 'ghcr.io/expired/app:1'),
        ) as Body;
        expect(await cluster().outcome(tenant, dryRun(replace(path, changed)))).toMatch(foreign);
      });
    });
  });
}

const exceptedObjects = [
  {
    kind: 'pod',
    path: `${paths.pods('excepted')}/old`,
    specOf: (image: string): Body => ({ containers: [container({ image })] }),
  },
  {
    kind: 'Deployment',
    path: `${paths.apps('excepted', 'deployments')}/there`,
    specOf: (image: string): Body => ({ template: { spec: { containers: [container({ image })] } } }),
  },
] as const;

/** All before the exception's end, and one of somebody who changes nothing now. */
function withOneInThePast(entries: readonly Body[]): readonly Body[] {
  const other = { ...entries[0], manager: 'other', fieldsV1: { 'f:metadata': { 'f:annotations': {} } } };
  return [...entries, other].map((entry) => ({ ...entry, time: '2019-01-01T00:00:00Z' }));
}

function allowed(...images: readonly string[]): readonly Row[] {
  return images.map((name) => [name, image(name), 'allowed']);
}

function denied(reason: RegExp, ...images: readonly string[]): readonly Row[] {
  return images.map((name) => [name, image(name), reason]);
}

function withImage(namespace: string, name: string): Call {
  return deployment(namespace, { containers: [container({ image: name })] });
}

function replaced(name: string): Call {
  return replace(`${paths.apps('images', 'deployments')}/old`, withImage('images', name).body ?? {});
}

function patchImage(to: string): Call {
  return patchSpec(`${paths.pods('images')}/old`, { containers: [container({ image: to })] });
}

function debug(from: string, namespace = 'images'): Call {
  const ephemeralContainers = [{ name: 'debug', image: from }];
  return patchSpec(`${paths.pods(namespace)}/old/ephemeralcontainers`, { ephemeralContainers });
}
