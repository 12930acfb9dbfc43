import { admissionPodRule } from '../../admission-rule.ts';
import { imagesOf, isFrom } from '../../image-name.ts';

export const registries = admissionPodRule({
  id: 'SB201',
  name: 'image-registries',
  title: 'Images come from the registries that the baseline names',
  help: 'What runs is what somebody has pushed; only registries that are looked after are trusted. nginx is docker.io/library/nginx.',
  fix: 'Use an image from there, or ask for a BaselineException of kind Images.',
  *find({ spec }, { admission }) {
    const sources = admission.images?.registries;
    if (sources === undefined) return;
    for (const { image, field } of imagesOf(spec)) {
      if (sources.some((source) => isFrom(image, source))) continue;
      yield { path: field.path, message: `${image} is not from ${sources.join(', ')}` };
    }
  },
});
