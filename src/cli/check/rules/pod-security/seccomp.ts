import type { Field } from '../../../manifests/field.ts';
import { containerName, containersOf } from '../../pod-templates.ts';
import type { PodTemplate } from '../../rule.ts';
import { isWindows, type PodSecurityBreach, podSecurityRule } from './pod-security-rule.ts';

export const seccomp = podSecurityRule({
  id: 'SB110',
  name: 'seccomp',
  title: 'The seccomp profile is not turned off, and at level restricted is given',
  help: 'seccomp keeps a container from system calls that it does not need, and that lead out of it where the kernel has a bug.',
  fix: 'Set securityContext.seccompProfile.type of the pod to RuntimeDefault (or Localhost).',
  *find(pod, { level, minor }) {
    if (minor < 19) {
      yield* inAnnotations(pod);
      return;
    }
    if (level === 'restricted' && minor >= 25 && isWindows(pod)) return;
    const ofPod = profileOf(pod.spec);
    if (ofPod.exists && !isValid(ofPod)) yield unallowed('the pod', ofPod);
    for (const container of containersOf(pod.spec)) {
      const profile = profileOf(container);
      if (profile.exists) {
        if (!isValid(profile)) yield unallowed(`container ${containerName(container)}`, profile);
      } else if (level === 'restricted' && !ofPod.exists) {
        yield {
          field: profile,
          message: `neither the pod nor container ${containerName(container)} gives a seccomp profile`,
        };
      }
    }
  },
});

function profileOf(owner: Field): Field {
  return owner.at('securityContext', 'seccompProfile');
}

function isValid(profile: Field): boolean {
  const { text } = profile.at('type');
  return text === 'RuntimeDefault' || text === 'Localhost';
}

function unallowed(owner: string, profile: Field): PodSecurityBreach {
  const field = profile.at('type');
  return { field, message: `${owner} sets the seccomp profile type ${field.text ?? '(none)'}` };
}

/** Before 1.19 there were only annotations. */
function* inAnnotations({ spec, metadata }: PodTemplate): Generator<PodSecurityBreach> {
  const keys = [
    'seccomp.security.alpha.kubernetes.io/pod',
    ...containersOf(spec).map(
      (container) => `container.seccomp.security.alpha.kubernetes.io/${containerName(container)}`,
    ),
  ];
  for (const key of keys) {
    const field = metadata.at('annotations').at(key);
    const { text } = field;
    if (
      text === undefined ||
      text === 'runtime/default' ||
      text === 'docker/default' ||
      text.startsWith('localhost/')
    )
      continue;
    yield { field, message: `annotation ${key} sets the seccomp profile ${text}` };
  }
}
