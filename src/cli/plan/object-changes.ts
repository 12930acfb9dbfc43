/** What the operator would write, namespace by namespace, as the plan shows it. */
import isEqual from 'lodash/isEqual.js';
import { managedKindNames } from '../../api/kinds.ts';
import { podSecurityPrefix } from '../../api/labels.ts';
import type { KubernetesObject } from '../../api/objects.ts';
import { type Change, describeChange } from '../../diff/change-set.ts';
import type { ObservedNamespace } from '../../diff/observed-namespace.ts';
import type { Evaluation, Fleet } from '../cluster/fleet.ts';
import { objectDiff, objectLines } from './readable-object.ts';
import type { NamespaceChanges, ObjectChange } from './report.ts';
import { type DiffLine, diffLines } from './text-diff.ts';

/** The changes of one namespace that come from the plan. */
export interface PlannedChanges {
  readonly namespace: ObservedNamespace;
  readonly changes: readonly Change[];
}

/**
 * What would be done after and would not be done anyway: work that the operator has yet to do in any case is no effect of the plan.
 *
 * @param affected the namespaces that the planned objects are about
 */
export function plannedChanges(
  before: Evaluation,
  after: Evaluation,
  affected: readonly ObservedNamespace[],
): { readonly planned: readonly PlannedChanges[]; readonly pending: number } {
  const planned: PlannedChanges[] = [];
  let pending = 0;
  for (const namespace of affected) {
    const anyway = new Map(
      before.changes(namespace).changes.map((change) => [describeChange(change), change]),
    );
    const all = after.changes(namespace).changes;
    const changes = all.filter((change) => !isSameWork(change, anyway.get(describeChange(change))));
    pending += all.length - changes.length;
    if (changes.length > 0) planned.push({ namespace, changes });
  }
  return { planned, pending };
}

function isSameWork(change: Change, other: Change | undefined): boolean {
  if (other === undefined) return false;
  const work = (each: Change): unknown =>
    'desired' in each ? each.desired.manifest : 'observed' in each ? each.observed.uid : each;
  return isEqual(work(change), work(other));
}

/** The changes for people; namespaces in which the same happens are one entry. */
export function describeChanges(
  planned: readonly PlannedChanges[],
  fleet: Fleet,
): readonly NamespaceChanges[] {
  const groups = new Map<string, { namespaces: string[]; changes: readonly ObjectChange[] }>();
  const diffs = new DiffMemory(fleet);
  for (const { namespace, changes } of planned) {
    const described = changes
      .flatMap((change) => describe(change, namespace, fleet, diffs))
      .sort((a, b) => orderOf(a) - orderOf(b) || (a.name < b.name ? -1 : 1));
    if (described.length === 0) continue;
    const key = JSON.stringify(described);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { namespaces: [namespace.name], changes: described });
    else group.namespaces.push(namespace.name);
  }
  return [...groups.values()];
}

const kindOrder: readonly string[] = ['Namespace', ...managedKindNames];

function orderOf({ kind }: ObjectChange): number {
  return kindOrder.indexOf(kind);
}

function describe(
  change: Change,
  { name: namespace, labels, ownedLabels }: ObservedNamespace,
  fleet: Fleet,
  diffs: DiffMemory,
): ObjectChange[] {
  switch (change.action) {
    case 'create':
      return [
        {
          action: 'create',
          kind: change.desired.kind,
          name: change.desired.name,
          diff: diffs.created(change.desired.manifest),
        },
      ];
    case 'replace':
    case 'recreate':
    case 'patch':
      return [
        {
          action: 'change',
          kind: change.desired.kind,
          name: change.desired.name,
          diff: diffs.changed(change.desired.kind, namespace, change.desired.name, change.desired.manifest),
        },
      ];
    case 'delete':
    case 'release':
      return [{ action: change.action, kind: change.observed.kind, name: change.observed.name, diff: [] }];
    case 'label': {
      const current = fleet.object('Namespace', '', namespace)?.metadata.labels ?? labels;
      const diff = labelDiff(current, change.labels, ownedLabels);
      // Beside labels, the operator keeps marks on the namespace, which say nothing to people.
      const name = diff.length > 0 ? 'labels' : 'marks';
      return [{ action: 'change', kind: 'Namespace', name, diff }];
    }
    case 'set-default-token':
      return [
        {
          action: 'change',
          kind: 'ServiceAccount',
          name: 'default',
          diff: [
            { mark: change.automount === false ? '+' : '-', text: 'automountServiceAccountToken: false' },
          ],
        },
      ];
  }
}

/** Only the labels that come, go or change, of which ours alone go; the annotations beside them are for machines. */
function labelDiff(
  current: Readonly<Record<string, string>>,
  next: Readonly<Record<string, string>>,
  owned: readonly string[],
): readonly DiffLine[] {
  const lines = (labels: Readonly<Record<string, string>>): string[] =>
    Object.entries(labels)
      .filter(([key]) => key.startsWith(podSecurityPrefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => `${key}: ${value}`);
  const kept = Object.fromEntries(Object.entries(current).filter(([key]) => !owned.includes(key)));
  return diffLines(lines(current), lines({ ...kept, ...next })).filter(({ mark }) => mark !== ' ');
}

/** A fleet's changes are mostly alike, and a diff is dear. */
class DiffMemory {
  readonly #fleet: Fleet;
  readonly #known = new Map<string, readonly DiffLine[]>();

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  created(manifest: KubernetesObject): readonly DiffLine[] {
    return this.#remember(JSON.stringify(manifest), () =>
      objectLines(manifest.kind as (typeof managedKindNames)[number], manifest).map((text) => ({
        mark: '+',
        text,
      })),
    );
  }

  changed(
    kind: (typeof managedKindNames)[number],
    namespace: string,
    name: string,
    manifest: KubernetesObject,
  ): readonly DiffLine[] {
    const current = this.#fleet.object(kind, namespace, name);
    if (current === undefined) return [];
    const { metadata, status: _, ...content } = current;
    return this.#remember(JSON.stringify([manifest, content, metadata.annotations, metadata.labels]), () =>
      objectDiff(kind, current, manifest),
    );
  }

  #remember(key: string, make: () => readonly DiffLine[]): readonly DiffLine[] {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#known.set(key, made);
    return made;
  }
}
