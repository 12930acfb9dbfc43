import { podSecurityRule } from './pod-security-rule.ts';

const allowed = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

export const volumeTypes = podSecurityRule({
  id: 'SB104',
  name: 'volume-types',
  title: "Pods mount nothing of the host's, and at level restricted only volumes of safe types",
  help: "A hostPath volume is a door to the node's files, and through them to everything on it.",
  fix: `Use one of ${allowed.join(', ')}.`,
  *find({ spec }, { level }) {
    for (const volume of spec.at('volumes').items) {
      const types = volume.entries.filter(([key, field]) => key !== 'name' && field.exists);
      // Without a type it is an emptyDir.
      if (types.length === 0 || (level === 'restricted' && types.some(([type]) => allowed.includes(type))))
        continue;
      for (const [type, field] of types) {
        if (level === 'baseline' && type !== 'hostPath') continue;
        yield { field, message: `volume ${volume.at('name').text ?? ''} is of type ${type}` };
      }
    }
  },
});
