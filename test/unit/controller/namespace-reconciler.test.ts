import { beforeEach, describe, expect, test } from 'vitest';
import type { DesiredState } from '../../../src/baseline/desired-state.ts';
import {
  NamespaceReconciler,
  type NamespaceReconcilerParts,
} from '../../../src/controller/namespace-reconciler.ts';
import { NamespaceStates } from '../../../src/controller/namespace-states.ts';
import { Rivals } from '../../../src/controller/rivals.ts';
import { type Change, describeTarget } from '../../../src/diff/change-set.ts';
import { namespaceMarkNames, type ObservedNamespace } from '../../../src/diff/observed-namespace.ts';
import { ApiError } from '../../../src/kube/api-error.ts';
import { FakeClock, flush } from '../runtime/fake-clock.ts';
import { desiredBy } from './fixtures.ts';

const marks = Object.fromEntries(namespaceMarkNames.map((mark) => [mark, ''])) as ObservedNamespace['marks'];
const team = {
  name: 'team-a',
  uid: 'uid-of-team-a',
  labels: {},
  ownedLabels: [] as readonly string[],
  marks,
  createdAt: 0,
} as ObservedNamespace;
const denied = change('replace', 'NetworkPolicy', 'tenant.default-deny');
const refused = change('create', 'ResourceQuota', 'tenant.compute');
const leftover = change('delete', 'NetworkPolicy', 'gone.default-deny');

function change(action: string, kind: string, name: string): Change {
  const object = {
    kind,
    name,
    baseline: { name: 'tenant', uid: 'uid-of-tenant' },
    spec: {},
    manifest: {},
  };
  const observed = { ...object, uid: `uid-of-${name}`, baselineUid: 'uid-of-gone', createdAt: 0 };
  const why = action === 'delete' ? undefined : 'edited';
  return { action, desired: object, observed, why } as unknown as Change;
}

function bindingTo(kind: string): Change {
  const binding = change('create', 'RoleBinding', 'tenant.app') as Change & { action: 'create' };
  const manifest = { roleRef: { kind } } as unknown as typeof binding.desired.manifest;
  return { ...binding, desired: { ...binding.desired, manifest } };
}

let clock: FakeClock;
let rivals: Rivals;
let states: NamespaceStates;
let namespace: ObservedNamespace | undefined;
let desired: DesiredState;
/** What the next look at the cluster finds to do. */
let changes: Change[];
let written: string[];
/** Drift that was told. */
let told: string[];
/** What the reconciler finds when it looks again after writing; by default what it found first. */
let changesLeft: Change[] | undefined;
let looks: unknown[];
let nextLookMs: number | undefined;
/** How often the namespace's exceptions were followed. */
let followed: number;
let write: (change: Change) => Promise<void>;
let mayLose: () => Promise<boolean>;
let isPermitted: () => Promise<boolean>;

beforeEach(() => {
  clock = new FakeClock();
  rivals = new Rivals(clock);
  states = new NamespaceStates(() => undefined);
  namespace = team;
  desired = desiredBy(['tenant']);
  changes = [];
  written = [];
  told = [];
  changesLeft = undefined;
  looks = [];
  nextLookMs = undefined;
  followed = 0;
  write = async () => undefined;
  mayLose = async () => false;
  isPermitted = async () => true;
});

async function reconcile(): Promise<void> {
  const nothing = (): void => undefined;
  const reconciler = new NamespaceReconciler({
    cluster: { namespace: () => namespace, observed: () => ({ namespace: team, objects: () => [] }) },
    desiredStates: { of: () => desired },
    differ: {
      diff: (_desired: DesiredState, _observed: unknown, held: ReadonlySet<string> = new Set()) => ({
        changes: ((written.length > 0 ? changesLeft : undefined) ?? changes).filter(
          (each) => each.action !== 'delete' || !held.has(each.observed.baselineUid),
        ),
        clashes: [],
        unchanged: 0,
      }),
    },
    writer: {
      write: async (each: Change) => {
        await write(each);
        written.push(each.action);
      },
    },
    states,
    gate: { mayLose },
    rivals,
    exceptions: {
      follow: async () => {
        followed += 1;
        return nextLookMs;
      },
      nextLook: () => nextLookMs,
    },
    reporter: {
      changed: (_namespace: unknown, made: readonly Change[], wasInPlace: (change: Change) => boolean) =>
        told.push(...made.filter(wasInPlace).map(describeTarget)),
      rival: nothing,
      audited: nothing,
      hardened: nothing,
      failing: nothing,
    },
    clock,
    isPermitted: () => isPermitted(),
    lookAgain: (...look: readonly unknown[]) => looks.push(look),
  } as unknown as NamespaceReconcilerParts);
  await reconciler.reconcile('team-a', new AbortController().signal);
}

/** The first time does not count yet. */
async function failTwice(): Promise<void> {
  await expect(reconcile()).rejects.toThrow('changes in namespace team-a failed');
  expect(states.get('team-a')).toMatchObject({ phase: 'pending', failures: [] });
  await expect(reconcile()).rejects.toThrow('changes in namespace team-a failed');
}

function quarrel(): void {
  for (let repair = 0; repair < 3; repair += 1) rivals.repaired('team-a', denied);
}

describe('another look', () => {
  test('at a repair postponed for a rival is urgent: a hole stands open until then', async () => {
    quarrel();
    changes = [denied];
    await reconcile();
    expect(written).not.toContain('replace');
    expect(looks).toEqual([['team-a', 250, 'urgent']]);
  });

  test('at a postponed repair is asked for also where another change fails', async () => {
    quarrel();
    changes = [denied, refused];
    write = () => Promise.reject(new Error('refused'));
    await expect(reconcile()).rejects.toThrow('changes in namespace team-a failed');
    expect(looks).toEqual([['team-a', 250, 'urgent']]);
  });

  test('at what an exception relaxed is urgent, when it ends', async () => {
    nextLookMs = 5_000;
    await reconcile();
    expect(looks).toEqual([['team-a', 5_000, 'urgent']]);
  });

  test('at an exception is asked for also where a change fails', async () => {
    nextLookMs = 5_000;
    changes = [refused];
    write = () => Promise.reject(new Error('refused'));
    await expect(reconcile()).rejects.toThrow('changes in namespace team-a failed');
    expect(looks).toEqual([['team-a', 5_000, 'urgent']]);
  });

  test('comes at once where an exception ended while the namespace was being looked at', async () => {
    changes = [refused];
    changesLeft = [];
    write = async () => {
      desired = desiredBy(['tenant']);
    };
    await reconcile();
    expect(looks).toEqual([['team-a', 0, 'urgent']]);
  });

  test('at a removal that is held is for the gate to ask for, once for all', async () => {
    changes = [leftover];
    await reconcile();
    expect(written).not.toContain('delete');
    expect(looks).toEqual([]);
  });

  test('is not asked for where time changes nothing', async () => {
    await reconcile();
    expect(looks).toEqual([]);
  });
});

describe('what takes nothing away', () => {
  test('is written before the removal gate has answered, and a removal after that', async () => {
    const answer = Promise.withResolvers<boolean>();
    mayLose = () => answer.promise;
    changes = [leftover, denied];
    write = async (each) => {
      changes = changes.filter((change) => change !== each);
    };
    const reconciled = reconcile();
    await flush();
    expect(written).toEqual(['replace']);
    answer.resolve(true);
    await reconciled;
    expect(written.slice(0, 2)).toEqual(['replace', 'delete']);
  });

  test('is written, and told, also where the gate fails', async () => {
    mayLose = () => Promise.reject(new Error('no answer'));
    changes = [leftover, denied];
    await expect(reconcile()).rejects.toThrow('no answer');
    expect(written).toEqual(['replace']);
  });

  test('is tried once: a removal that may go does not bring another try', async () => {
    mayLose = async () => true;
    changes = [leftover, refused];
    write = async ({ action }) => {
      if (action === 'create') {
        written.push('tried');
        throw new Error('refused');
      }
    };
    await expect(reconcile()).rejects.toThrow('changes in namespace team-a failed');
    expect(written.filter((action) => action === 'tried')).toEqual(['tried']);
  });
});

describe('while a removal is held', () => {
  test('the mark is taken off without the Pod Security labels that the baseline gave', async () => {
    const enforce = 'pod-security.kubernetes.io/enforce';
    const given = { hardened: 'uid-of-tenant', podSecurity: 'enforce', podSecurityBy: 'uid-of-gone' };
    namespace = {
      ...team,
      labels: { [enforce]: 'restricted' },
      ownedLabels: [enforce],
      marks: { ...marks, ...given },
    };
    desired = { ...desiredBy(['tenant']), mark: ['uid-of-tenant'] };
    changes = [leftover, refused];
    const labelled: Change[] = [];
    const operation = { verb: 'create', resource: 'resourcequotas' } as const;
    write = async (each) => {
      if (each.action === 'label') labelled.push(each);
      else throw new ApiError({ operation, kind: 'forbidden', status: 403, message: 'refused' });
    };
    await expect(reconcile()).rejects.toThrow('changes in namespace team-a failed');
    const annotations = {
      'securitybaseline.io/pod-security': 'enforce',
      'securitybaseline.io/pod-security-by': 'uid-of-gone',
    };
    expect(labelled).toEqual([
      { action: 'label', labels: { [enforce]: 'restricted' }, annotations, loses: false },
    ]);
  });

  test("what stays is out of place: when it goes at last, that is nobody else's doing", async () => {
    changes = [leftover];
    await reconcile();
    mayLose = async () => true;
    changesLeft = [];
    await reconcile();
    expect(written).toEqual(['delete']);
    expect(told).toEqual([]);
  });
});

test('exceptions are followed also where something stands in the way', async () => {
  changes = [refused];
  write = () => Promise.reject(new Error('refused'));
  await expect(reconcile()).rejects.toThrow('changes in namespace team-a failed');
  expect(followed).toBe(1);
});

test('what is desired again by the time that its removal is granted does not go', async () => {
  changes = [leftover];
  mayLose = async () => {
    desired = desiredBy(['tenant', 'gone']);
    return true;
  };
  await reconcile();
  expect(written).not.toContain('delete');
  expect(looks).toEqual([['team-a', 0, 'urgent']]);
});

describe('a namespace that goes while it is looked at', () => {
  test('and whose namesake is there by then is settled by the run of its own', async () => {
    changes = [denied];
    changesLeft = [];
    write = async () => {
      namespace = { ...team, uid: 'uid-of-another' };
    };
    await reconcile();
    expect([...states]).toEqual([]);
    expect(written).toEqual(['replace']);
  });

  test('leaves no state behind', async () => {
    const asked = Promise.withResolvers<boolean>();
    isPermitted = () => asked.promise;
    const operation = { verb: 'create', resource: 'resourcequotas' } as const;
    const error = new ApiError({ operation, kind: 'forbidden', status: 403, message: 'refused' });
    write = () => Promise.reject(error);
    changes = [refused];
    states.expect(team, desired, 'new', 0);
    const reconciled = reconcile();
    await flush();
    namespace = undefined;
    states.forget('team-a');
    asked.resolve(false);
    await expect(reconciled).rejects.toThrow('changes in namespace team-a failed');
    expect([...states]).toEqual([]);
  });
});

describe('what was in place, and is not any more', () => {
  /** A look that repairs all it finds. */
  async function repair(...found: readonly Change[]): Promise<void> {
    changes = [...found];
    changesLeft = [];
    written = [];
    await reconcile();
  }

  test('is drift, also where something else stands in the way of the namespace', async () => {
    changes = [refused];
    write = () => Promise.reject(new Error('refused'));
    await expect(reconcile()).rejects.toThrow();
    expect(states.get('team-a')).toMatchObject({ phase: 'failing', outOfPlace: [describeTarget(refused)] });
    write = async () => undefined;
    await repair(denied, refused);
    expect(told).toEqual([describeTarget(denied)]);
  });

  test('is no drift where it has never been looked at, or where something else is desired by now', async () => {
    states.expect(team, desired, 'new', 0);
    await repair(denied);
    desired = desiredBy(['tenant', 'other']);
    await repair(denied);
    expect(told).toEqual([]);
    await repair(denied);
    expect(told).toEqual([describeTarget(denied)]);
  });
});

describe('what the API server takes for more than we have ourselves', () => {
  beforeEach(() => {
    const operation = { verb: 'create', resource: 'roles' } as const;
    const message = 'user "operator" is attempting to grant RBAC permissions not currently held';
    write = () => Promise.reject(new ApiError({ operation, kind: 'forbidden', status: 403, message }));
  });

  test.each([
    ['a Role', change('create', 'Role', 'tenant.app')],
    ['a binding to a ClusterRole', bindingTo('ClusterRole')],
  ])('%s: is waited for, and told once it has been refused again', async (_name, grant) => {
    changes = [grant];
    await failTwice();
    expect(states.get('team-a')).toMatchObject({
      phase: 'failing',
      failures: [{ reason: 'NotGathered', responsible: 'passing' }],
    });
    expect(states.get('team-a')?.failures[0]?.message).toMatch(/^what is grantable has to be gathered/);
  });

  test("a binding to a Role: that Role is not ours any more, and the tenant's matter", async () => {
    changes = [bindingTo('Role')];
    await expect(reconcile()).rejects.toThrow('changes in namespace team-a failed');
    expect(states.get('team-a')).toMatchObject({
      phase: 'failing',
      failures: [{ reason: 'Forbidden', responsible: 'tenant' }],
    });
  });
});

describe('what is not as it was written', () => {
  test('is tried again, and named once it has happened again', async () => {
    changes = [denied];
    await failTwice();
    expect(states.get('team-a')).toMatchObject({
      phase: 'failing',
      failures: [{ reason: 'Altered', responsible: 'tenant' }],
    });
    expect(states.get('team-a')?.failures[0]?.message).toMatch(
      /^NetworkPolicy tenant.default-deny is not as it was written, each time: an admission webhook/,
    );
    changes = [];
    await reconcile();
    expect(states.get('team-a')).toMatchObject({ phase: 'hardened', failures: [] });
  });

  test('is no matter where something else was found after the write', async () => {
    changes = [denied];
    changesLeft = [refused];
    await reconcile();
    expect(states.get('team-a')).toMatchObject({ phase: 'pending', failures: [] });
  });
});

describe('a refusal of what others have written as well', () => {
  const operation = { verb: 'patch', resource: 'namespaces' } as const;
  const tooLong = new ApiError({ operation, kind: 'invalid', status: 422, message: 'annotations: Too long' });

  test("is the tenant's matter: of the namespace's labels", async () => {
    changes = [{ action: 'label', labels: {}, annotations: {}, loses: false }];
    write = () => Promise.reject(tooLong);
    await expect(reconcile()).rejects.toThrow();
    expect(states.get('team-a')?.failures).toMatchObject([{ reason: 'Refused', responsible: 'tenant' }]);
  });

  test("is the tenant's matter: of the mark that lets pods in, without which the namespace is not hardened", async () => {
    desired = { ...desired, mark: ['generation'] };
    write = () => Promise.reject(tooLong);
    await expect(reconcile()).rejects.toThrow();
    expect(states.get('team-a')).toMatchObject({
      phase: 'failing',
      failures: [{ reason: 'Refused', responsible: 'tenant' }],
    });
  });

  test("of what is the baseline's alone is the platform's", async () => {
    changes = [refused];
    write = () => Promise.reject(tooLong);
    await expect(reconcile()).rejects.toThrow();
    expect(states.get('team-a')?.failures).toMatchObject([{ reason: 'Refused', responsible: 'platform' }]);
  });
});
