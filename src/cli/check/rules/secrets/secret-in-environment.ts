import { containerName, containersOf } from '../../pod-templates.ts';
import type { Rule } from '../../rule.ts';
import { guessSecret } from '../../secret-text.ts';

export const secretInEnvironment: Rule = {
  id: 'SB601',
  name: 'secret-in-environment',
  severity: 'warning',
  title: 'No secrets are written out in environment variables',
  help:
    'Whoever may read the manifest, the Deployment or the pod reads it, and so does version control for ever. An error where the text has the form of ' +
    'a well-known token. The value is never shown.',
  fix: 'Put it into a Secret, refer to it with valueFrom.secretKeyRef, and change it: it has been seen.',
  link: 'https://kubernetes.io/docs/concepts/configuration/secret/',
  *check(scope) {
    if (scope.kind !== 'namespace') return;
    for (const { object, spec } of scope.pods) {
      for (const container of containersOf(spec)) {
        for (const variable of container.at('env').items) {
          const name = variable.at('name').text ?? '';
          const { text, path } = variable.at('value');
          const guess = text === undefined ? undefined : guessSecret(name, text);
          if (guess === undefined) continue;
          yield {
            object,
            path,
            message: `environment variable ${name} of container ${containerName(container)} holds what looks like ${guess.what}`,
            ...(guess.isCertain ? { severity: 'error' as const } : {}),
          };
        }
      }
    }
  },
};
