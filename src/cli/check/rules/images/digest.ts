import { admissionPodRule } from '../../admission-rule.ts';
import { hasDigest, imagesOf } from '../../image-name.ts';

export const digest = admissionPodRule({
  id: 'SB202',
  name: 'image-digest',
  title: 'Images are given with their digest',
  help: 'A tag can be moved to another image at any time; with the digest, what was checked is what runs.',
  fix: 'Write the image as name@sha256:DIGEST, or ask for a BaselineException of kind Images.',
  *find({ spec }, { admission }) {
    if (admission.images?.requireDigest !== true) return;
    for (const { image, field } of imagesOf(spec)) {
      if (!hasDigest(image)) yield { path: field.path, message: `${image} has no digest` };
    }
  },
});
