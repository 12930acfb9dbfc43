import { ignoreAnnotation, ignoredBy } from '../../ignored.ts';
import type { Rule } from '../../rule.ts';

export const ignoreWithoutReason: Rule = {
  id: 'SB902',
  name: 'ignore-without-reason',
  severity: 'warning',
  title: 'What is ignored is ignored for a reason',
  help: `The annotation ${ignoreAnnotation} leaves findings out of account; who audits it must see why.`,
  fix: 'Write RULE=reason, several with ; between them: SB601=a password for tests only.',
  link: 'https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/',
  *check({ objects }) {
    for (const object of objects) {
      for (const part of ignoredBy(object).invalid) {
        yield {
          object,
          path: ['metadata', 'annotations', ignoreAnnotation],
          message: `${JSON.stringify(part)} is not a rule with a reason`,
        };
      }
    }
  },
};
