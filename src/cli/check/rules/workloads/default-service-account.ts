import { defaultServiceAccountName } from '../../../../api/names.ts';
import { admissionPodRule } from '../../admission-rule.ts';

export const defaultServiceAccount = admissionPodRule({
  id: 'SB401',
  name: 'default-service-account',
  title: 'Pods have a ServiceAccount of their own',
  help: 'What one workload is granted through the default ServiceAccount, all get that name none.',
  fix: "Set serviceAccountName to an account of the application's own.",
  *find({ spec }, { admission }) {
    if (admission.workloads?.forbidDefaultServiceAccount !== true) return;
    const field = spec.at('serviceAccountName');
    const name = field.text ?? '';
    if (name === '') yield { path: field.path, message: 'no ServiceAccount is named, so it is default' };
    if (name === defaultServiceAccountName)
      yield { path: field.path, message: 'the ServiceAccount is default' };
  },
});
