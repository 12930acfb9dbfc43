/** The parts that every managed object has in common. */
import { apiVersionOf, type ManagedKind, managedKinds } from '../api/kinds.ts';
import {
  baselineLabel,
  baselineUidLabel,
  deletionPolicyAnnotation,
  managedByLabel,
  operatorName,
} from '../api/labels.ts';
import { objectName } from '../api/names.ts';
import type { SecurityBaseline } from '../api/types.generated.ts';
import type { BaselineRef, DesiredObject } from './desired-state.ts';

/** What a kind's file says of an object; the rest is the same for all. */
export interface ObjectPart {
  readonly kind: ManagedKind;
  /** The item within the baseline; the object is named `<baseline>.<item>` unless `name` says otherwise. */
  readonly item: string;
  /** The object's name, where it is the user's own. */
  readonly name?: string;
  readonly denies?: boolean;
  readonly grantsTo?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The fields beside metadata. */
  readonly content: Readonly<Record<string, unknown>>;
}

/** Names the baseline in an object or a problem. */
export function refOf(baseline: SecurityBaseline): BaselineRef {
  return { name: baseline.metadata.name, uid: baseline.metadata.uid ?? '' };
}

/** An object of the baseline, with the labels by which it is ours. */
export function desiredObject(baseline: SecurityBaseline, part: ObjectPart): DesiredObject {
  const ref = refOf(baseline);
  const name = part.name ?? objectName(ref.name, part.item);
  const orphan = baseline.spec.deletionPolicy === 'Orphan' ? { [deletionPolicyAnnotation]: 'Orphan' } : {};
  const annotations = { ...part.annotations, ...orphan };
  return {
    kind: part.kind,
    name,
    baseline: ref,
    denies: part.denies ?? false,
    grantsTo: part.grantsTo,
    manifest: {
      apiVersion: apiVersionOf(managedKinds[part.kind]),
      kind: part.kind,
      metadata: {
        name,
        labels: {
          [managedByLabel]: operatorName,
          [baselineLabel]: ref.name,
          [baselineUidLabel]: ref.uid,
        },
        ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      },
      ...part.content,
    },
  };
}
