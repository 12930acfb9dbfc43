/**
 * A process that writes as fast as it can: the limit that the operator is measured against, and the user who creates
 * namespaces and tampers with objects. Arguments: a kubeconfig.
 */
import { Connection } from './connection.ts';
import {
  type BenchObject,
  expected,
  namespacePlaceholder,
  selectingLabel,
  type Template,
} from './objects.ts';
import { serve, sharedNowMs } from './remote.ts';

/** More connections gave no more creates per second; {@link generator} is told how many of them to use. */
const maxConnections = 64;

/** Objects are created kind by kind over so many namespaces, so that a RoleBinding hardly ever waits for its Role. */
const blockSize = 64;

const [kubeconfig = ''] = process.argv.slice(2);
const connection = new Connection(kubeconfig, maxConnections);
let templates: readonly Template[] = [];

async function inParallel<T>(
  items: Iterable<T>,
  concurrency: number,
  work: (item: T) => Promise<unknown>,
): Promise<number> {
  const startedAt = sharedNowMs();
  const iterator = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return sharedNowMs() - startedAt;
}

async function createNamespace(name: string, baseline: string | undefined): Promise<void> {
  const labels = baseline === undefined ? {} : { [selectingLabel]: baseline };
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  await connection.expect('POST', '/api/v1/namespaces', body);
}

/** Who has not all permissions may bind a Role only once it is there. */
const rolesUnderWay = new Map<string, Promise<unknown>>();

async function createObject(namespace: string, { resource, json }: Template): Promise<void> {
  if (resource === 'rolebindings') await rolesUnderWay.get(namespace);
  const path = `${expected[resource]?.path}/namespaces/${namespace}/${resource}`;
  const created = connection.expect('POST', path, json.replaceAll(namespacePlaceholder, namespace));
  if (resource === 'roles') rolesUnderWay.set(namespace, created);
  await created;
}

function order({ resource }: Template): number {
  return resource === 'rolebindings' ? 1 : 0;
}

function* objectsOf(namespaces: readonly string[]): Generator<readonly [string, Template]> {
  for (let start = 0; start < namespaces.length; start += blockSize) {
    const block = namespaces.slice(start, start + blockSize);
    for (const template of templates) for (const namespace of block) yield [namespace, template];
  }
}

const methods = {
  /** What {@link methods.createObjects} is to create, in the order given. */
  use(given: readonly Template[]): void {
    // Roles before their bindings.
    templates = given.toSorted((a, b) => order(a) - order(b));
  },

  /**
   * @param baseline selects them; none where it is left out
   * @returns the milliseconds it took
   */
  createNamespaces(
    names: readonly string[],
    concurrency: number,
    baseline: string | undefined,
  ): Promise<number> {
    return inParallel(names, concurrency, (name) => createNamespace(name, baseline));
  },

  /** Creates the seven objects in namespaces that are there. @returns the milliseconds it took */
  createObjects(namespaces: readonly string[], concurrency: number): Promise<number> {
    return inParallel(objectsOf(namespaces), concurrency, ([namespace, template]) =>
      createObject(namespace, template),
    );
  },

  /**
   * Creates namespaces, and the seven objects in each as soon as it is there, as an operator without any delay of its
   * own would. @returns the milliseconds it took
   */
  createNamespacesWithObjects(names: readonly string[], concurrency: number): Promise<number> {
    const waiting: (() => Promise<void>)[] = [];
    function* steps(): Generator<() => Promise<void>> {
      for (const name of names) {
        for (let object = waiting.shift(); object !== undefined; object = waiting.shift()) yield object;
        yield async () => {
          await createNamespace(name, undefined);
          for (const template of templates) waiting.push(() => createObject(name, template));
        };
      }
    }
    return (async () => {
      const startedAt = sharedNowMs();
      await inParallel(steps(), concurrency, (step) => step());
      await inParallel(waiting, concurrency, (step) => step());
      return sharedNowMs() - startedAt;
    })();
  },

  /** Creates the seven objects one after the other. @returns the milliseconds of each, by kind */
  async createInARow(namespace: string): Promise<readonly (readonly [string, number])[]> {
    const row: [string, number][] = [];
    for (const template of templates) {
      const startedAt = sharedNowMs();
      await createObject(namespace, template);
      row.push([template.kind, sharedNowMs() - startedAt]);
    }
    return row;
  },

  /** @returns when the API server had answered */
  async createNamespace(name: string, baseline: string): Promise<number> {
    await createNamespace(name, baseline);
    return sharedNowMs();
  },

  /** Creates one NetworkPolicy like the first of the seven objects. @returns the milliseconds it took */
  async createPolicy(namespace: string, name: string): Promise<number> {
    const [template] = templates;
    if (template === undefined) throw new Error('no templates are given');
    const startedAt = sharedNowMs();
    await createObject(namespace, { ...template, json: template.json.replace(template.name, name) });
    return sharedNowMs() - startedAt;
  },

  /** Applies a whole object, whether it is there or not. */
  async apply(path: string, object: BenchObject): Promise<void> {
    const query = 'fieldManager=benchmark&force=true';
    await connection.expect(
      'PATCH',
      `${path}?${query}`,
      JSON.stringify(object),
      'application/apply-patch+yaml',
    );
  },

  async get(path: string): Promise<BenchObject> {
    return JSON.parse((await connection.expect('GET', path)).toString('utf8')) as BenchObject;
  },

  async list(path: string): Promise<readonly BenchObject[]> {
    const { items } = JSON.parse((await connection.expect('GET', path)).toString('utf8')) as {
      items: BenchObject[];
    };
    return items;
  },

  /** @returns when the API server had answered */
  async delete(path: string): Promise<number> {
    await connection.expect('DELETE', path);
    return sharedNowMs();
  },

  /** @returns when the API server had answered, and the generation that it gave the object */
  async patch(path: string, patch: object): Promise<{ readonly at: number; readonly generation: number }> {
    const type = 'application/merge-patch+json';
    const answer = await connection.expect('PATCH', path, JSON.stringify(patch), type);
    const at = sharedNowMs();
    const { metadata } = JSON.parse(answer.toString('utf8')) as BenchObject;
    return { at, generation: metadata.generation ?? 0 };
  },
};

/** What the process offers. */
export type LoadGenerator = typeof methods;

serve(methods);
