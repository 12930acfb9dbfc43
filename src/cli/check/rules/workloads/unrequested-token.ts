import { defaultServiceAccountName } from '../../../../api/names.ts';
import { admissionPodRule } from '../../admission-rule.ts';
import type { NamespaceScope } from '../../rule.ts';

export const unrequestedToken = admissionPodRule({
  id: 'SB403',
  name: 'unrequested-token',
  title: 'Pods get no API token that they did not ask for',
  help: 'Most workloads never talk to the API server; whoever breaks in finds the token and can.',
  fix: 'Set automountServiceAccountToken to false, or to true where the pod talks to the API server.',
  *find({ spec }, { admission, scope }) {
    if (admission.workloads?.forbidUnrequestedToken !== true) return;
    const field = spec.at('automountServiceAccountToken');
    if (field.flag !== undefined) return;
    const account = spec.at('serviceAccountName').text || defaultServiceAccountName;
    if (mountsByDefault(scope, account)) {
      yield {
        path: field.path,
        message: `an API token of ServiceAccount ${account} would be mounted, which the pod does not ask for`,
      };
    }
  },
});

/** What the ServiceAccount says, as the baselines or else the manifests write it; by default it does. */
function mountsByDefault({ desired, objects }: NamespaceScope, name: string): boolean {
  if (name === defaultServiceAccountName && desired.denyDefaultToken) return false;
  const given = desired.objects.find((object) => object.kind === 'ServiceAccount' && object.name === name);
  const said =
    given?.manifest.automountServiceAccountToken ??
    objects
      .find((object) => object.kind === 'ServiceAccount' && object.group === '' && object.name === name)
      ?.root.at('automountServiceAccountToken').flag;
  return said !== false;
}
