import { admissionPodRule } from '../../admission-rule.ts';
import { hasTag, imagesOf } from '../../image-name.ts';

export const tags = admissionPodRule({
  id: 'SB203',
  name: 'image-tags',
  title: 'Images have none of the tags that the baseline forbids',
  help: 'Tags such as latest say nothing of what runs. An image with neither tag nor digest has the tag latest.',
  fix: 'Use another tag, or ask for a BaselineException of kind Images.',
  *find({ spec }, { admission }) {
    for (const { image, field } of imagesOf(spec)) {
      const tag = admission.images?.forbidTags?.find((forbidden) => hasTag(image, forbidden));
      if (tag !== undefined) yield { path: field.path, message: `${image} has the tag ${tag}` };
    }
  },
});
