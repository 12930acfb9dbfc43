import {
  baselineName,
  expectedIn,
  missingIn,
  ourLabelsOf,
  ourObjectsIn,
  selectedLabels,
} from './expected.ts';
import { NotAsClaimedError, type Observer } from './observer.ts';
import { type Cell, milliseconds, type Screen } from './screen.ts';
import type { Stage } from './stage.ts';
import { missingInStatus, statusOf } from './status.ts';
import { tamperAndWait, tamperings } from './tampering.ts';

/** The first two are not to be touched: one is not selected, the other is excluded by name. */
const leftAlone = [
  { name: 'playground', labels: { environment: 'dev' }, why: 'not selected' },
  { name: 'sandbox-ana', labels: selectedLabels, why: 'excluded' },
];
const selected = ['shop', 'billing', 'search'];

/** The kinds counted for each namespace, under the names that kubectl users know. */
const columns = {
  netpol: 'NetworkPolicy',
  quota: 'ResourceQuota',
  limits: 'LimitRange',
  sa: 'ServiceAccount',
  role: 'Role',
  binding: 'RoleBinding',
};

/** Errors of the client carry the whole answer, headers and all. */
const maxLength = 500;

/** Plays all acts, and goes on after one that was not as claimed; returns how many were not. */
export async function play(stage: Stage, screen: Screen, signal: AbortSignal): Promise<number> {
  let claims = 0;
  let failures = 0;
  const claim = async (act: () => Promise<void>): Promise<void> => {
    claims += 1;
    try {
      await act();
    } catch (error) {
      if (signal.aborted) throw error;
      failures += 1;
      screen.failed('not as claimed');
      if (error instanceof NotAsClaimedError) {
        screen.detail(`expected: ${error.expected}`);
        screen.detail(`seen: ${error.seen}`);
      } else screen.detail(String(error).slice(0, maxLength));
    }
  };
  screen.chapter('1  Namespaces are created');
  await claim(() => harden(stage, screen));
  screen.chapter('2  People and tools tamper, the operator puts it back');
  screen.say(
    "Measured from the API server's answer to the tampering until a watch showed the namespace whole " +
      'again. Below each: the Event that the tenant reads.',
    'dim',
  );
  for (const tampering of tamperings) {
    signal.throwIfAborted();
    screen.space();
    screen.command(...tampering.commands);
    await claim(async () => {
      const { durationMs, note } = await tamperAndWait(stage, stage.observer, tampering);
      screen.done(tampering.outcome, milliseconds(durationMs));
      screen.detail(`Event ${tampering.reason}: ${note}`);
    });
  }
  screen.chapter('3  What the platform team sees');
  await claim(() => showStatus(stage, screen));
  screen.space();
  if (failures === 0) screen.done(`all ${claims} claims held`);
  else {
    screen.failed(`${failures} of ${claims} claims did not hold; the operator's last warnings:`);
    for (const line of stage.operator.log.filter(({ level }) => level !== 'info').slice(-5)) {
      screen.detail(JSON.stringify(line).slice(0, maxLength));
    }
  }
  return failures;
}

async function harden(stage: Stage, screen: Screen): Promise<void> {
  const { observer } = stage;
  const rows: Cell[][] = [];
  for (const { name, labels } of leftAlone) await createNamespace(stage, name, labels);
  for (const name of selected) {
    await createNamespace(stage, name, selectedLabels);
    const answeredAt = performance.now();
    const hardenedAt = await observer.until(`namespace ${name} is hardened`, () => missingIn(observer, name));
    rows.push([name, milliseconds(hardenedAt - answeredAt), ...countsIn(observer, name)]);
  }
  for (const { name, why } of leftAlone) {
    const traces = [...ourObjectsIn(observer, name), ...ourLabelsOf(observer, name)];
    if (traces.length > 0) throw new NotAsClaimedError(`nothing of ours in ${name}`, traces.join(', '));
    rows.push([name, why, ...countsIn(observer, name)]);
  }
  screen.say(
    "Measured from the API server's answer to the create until a watch, opened beforehand, showed the " +
      'last object or label.',
    'dim',
  );
  screen.space();
  screen.table(['namespace', 'hardened in', ...Object.keys(columns), 'labels'], rows);
  screen.space();
  const [example = ''] = selected;
  screen.table(
    ['kind', 'name', 'purpose'],
    expectedIn(example).map(({ kind, name, purpose }) => [kind, name, purpose]),
  );
}

async function createNamespace(
  stage: Stage,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  await stage.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}

function countsIn(observer: Observer, namespace: string): number[] {
  const objects = ourObjectsIn(observer, namespace);
  const counts = Object.values(columns).map(
    (kind) => objects.filter((object) => object.startsWith(`${kind} `)).length,
  );
  return [...counts, ourLabelsOf(observer, namespace).length];
}

async function showStatus({ observer }: Stage, screen: Screen): Promise<void> {
  // playground is selected by now; default and sandbox-ana are what no baseline covers.
  const hardened = selected.length + 1;
  const counts = { selected: hardened, hardened, failing: 0, uncovered: 2 };
  await observer.until('the status says that every selected namespace is hardened', () =>
    missingInStatus(observer, counts),
  );
  const { namespaces, conditions } = statusOf(observer);
  screen.table(
    ['baseline', ...Object.keys(counts), ...conditions.keys()],
    [
      [
        baselineName,
        ...Object.keys(counts).map((state) => namespaces[state as keyof typeof namespaces] ?? 0),
        ...Array.from(conditions.values(), ({ status }) => status),
      ],
    ],
  );
  for (const [type, { message }] of conditions) screen.detail(`${type}: ${message}`);
}
