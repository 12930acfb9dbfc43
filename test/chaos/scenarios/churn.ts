import { test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { alone, type ChaosCluster } from '../chaos-cluster.ts';
import type { Fleet } from '../fleet.ts';
import { chance, form } from '../form.ts';
import { expectOrder } from '../invariants.ts';
import { inParallel } from '../patiently.ts';
import type { Random } from '../random.ts';

const namespacesPerClient = 20;
/** Namespaces leave on purpose here: nothing of it is an accident to be held. */
const unheld = ['--removal-threshold=256', '--removal-window=100ms'];

/** Namespaces come, go, and change sides. */
export function churn(cluster: () => ChaosCluster): void {
  const { churnOperations, churnClients } = form;

  test(`${churnOperations} times a namespace is created, relabelled, deleted or created anew, by ${churnClients} clients`, async () => {
    await using fleet = await cluster().fleet('churned');
    await using _operator = await cluster().operator({ flags: [...alone, ...unheld] });
    await fleet.grow(2);
    await fleet.plantForeignObjects(2);
    const clients = Array.from({ length: churnClients }, (_, index) => index);
    await inParallel(clients, churnClients, async (client) => {
      const random = chance.fork(`churn ${client}`);
      const names = Array.from(
        { length: namespacesPerClient },
        (_, index) => `churned-by-${client}-${index}`,
      );
      for (let done = 0; done < churnOperations / churnClients; done += 1) {
        await operate(cluster(), fleet, random, random.pick(names));
      }
    });
    const { admin } = cluster();
    await eventually(
      async () => {
        const left = (await admin.list({ kind: 'Namespace' })).map(({ metadata }) => metadata.name);
        return left.every(
          (name) => !name.startsWith('churned-') || fleet.selected.has(name) || fleet.others.has(name),
        );
      },
      { what: 'every deleted namespace is gone', timeoutMs: form.patienceMs },
    );
    await expectOrder(cluster(), fleet);
  });
}

async function operate({ admin }: ChaosCluster, fleet: Fleet, random: Random, name: string): Promise<void> {
  const target = { kind: 'Namespace', name } as const;
  const { selected, others } = fleet;
  const [[key = '', value] = []] = Object.entries(fleet.label);
  if (!selected.has(name) && !others.has(name)) {
    const isSelected = random.chance(0.8);
    const labels = isSelected ? fleet.label : {};
    await eventually(() => admin.create(target, { metadata: { labels } }), {
      what: `the predecessor of ${name} is gone`,
      timeoutMs: form.patienceMs,
    });
    (isSelected ? selected : others).add(name);
  } else if (random.chance(0.5)) {
    const [from, to] = selected.has(name) ? [selected, others] : [others, selected];
    await admin.mergePatch(target, { metadata: { labels: { [key]: to === selected ? value : null } } });
    from.delete(name);
    to.add(name);
  } else {
    await admin.delete(target);
    selected.delete(name);
    others.delete(name);
  }
}
