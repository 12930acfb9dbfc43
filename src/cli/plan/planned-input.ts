/** What is planned: baselines and exceptions out of files, as the API server would store them. */
import { apiVersion } from '../../api/labels.ts';
import type { KubernetesObject } from '../../api/objects.ts';
import type { BaselineException, SecurityBaseline } from '../../api/types.generated.ts';
import { baselineType, exceptionType } from '../../controller/watched-resources.ts';
import type { ApiClient } from '../../kube/api-client.ts';
import { isApiError } from '../../kube/api-error.ts';
import { ResourceClient } from '../../kube/resource-client.ts';
import type { ClusterReader } from '../cluster/cluster-reader.ts';
import type { ManifestObject } from '../manifests/manifest-object.ts';
import { UserError } from '../user-error.ts';

/** The baselines and exceptions in a set of manifests. */
export interface Planned {
  readonly baselines: readonly SecurityBaseline[];
  readonly exceptions: readonly BaselineException[];
  /** Other objects, which a plan says nothing about. */
  readonly ignored: readonly string[];
}

/**
 * Picks out what can be planned.
 *
 * @throws {UserError} where there is nothing, or two of one name
 */
export function pickPlanned(objects: readonly ManifestObject[], defaultNamespace: string): Planned {
  const baselines: SecurityBaseline[] = [];
  const exceptions: BaselineException[] = [];
  const ignored: string[] = [];
  const seen = new Map<string, ManifestObject>();
  for (const manifest of objects) {
    const { object, kind } = manifest;
    if (object.apiVersion !== apiVersion) {
      ignored.push(`${kind} ${object.metadata.name}`);
      continue;
    }
    const { location } = manifest;
    const place = `${location.file}:${location.line}`;
    if (object.spec === undefined)
      throw new UserError(`${place}: ${kind} ${object.metadata.name} has no spec`);
    const namespace = kind === 'BaselineException' ? (object.metadata.namespace ?? defaultNamespace) : '';
    const key = `${kind} ${namespace}/${object.metadata.name}`;
    const other = seen.get(key)?.location;
    if (other !== undefined) {
      throw new UserError(
        `${place}: ${kind} ${object.metadata.name} is also in ${other.file}:${other.line}`,
        'Keep one.',
      );
    }
    seen.set(key, manifest);
    const { name, labels, annotations } = object.metadata;
    const metadata = { name, ...(labels && { labels }), ...(annotations && { annotations }) };
    if (kind === 'SecurityBaseline') baselines.push({ ...object, metadata } as unknown as SecurityBaseline);
    else if (kind === 'BaselineException') {
      exceptions.push({ ...object, metadata: { ...metadata, namespace } } as unknown as BaselineException);
    } else ignored.push(`${kind} ${name}`);
  }
  if (baselines.length === 0 && exceptions.length === 0) {
    throw new UserError(
      `no SecurityBaseline or BaselineException of ${apiVersion} in the files`,
      'Give a file with one; for other manifests there is: kubectl baseline check',
    );
  }
  return { baselines, exceptions, ignored };
}

/**
 * The object as the API server would store it: checked, and with its defaults. Sent as a dry run, so nothing is written.
 * Where the user may not write it, it is taken as it is, and a gap says so.
 *
 * @param current what is there under its name now
 * @throws {UserError} for an object that the API server refuses, with its reasons
 */
export async function asServed<T extends SecurityBaseline | BaselineException>(
  planned: T,
  current: T | undefined,
  client: ApiClient,
  reader: ClusterReader,
): Promise<T> {
  const type = planned.kind === 'SecurityBaseline' ? baselineType : exceptionType;
  const resource = new ResourceClient<KubernetesObject>(client, type, { fieldManager: 'kubectl-baseline' });
  const named = `${planned.kind} ${planned.metadata.name}`;
  try {
    const { status: _, ...object } = planned;
    const served =
      current === undefined
        ? await resource.create(object as unknown as KubernetesObject, { dryRun: true })
        : await replaceDry(resource, object as unknown as T, current);
    return served as unknown as T;
  } catch (error) {
    if (isApiError(error, 'invalid', 'alreadyExists')) {
      throw new UserError(`${named} would be refused: ${error.message}`, 'Mend the file and plan again.', {
        cause: error,
      });
    }
    if (!isApiError(error, 'forbidden', 'notFound')) throw error;
    reader.note({
      reason: error.kind === 'forbidden' ? 'forbidden' : 'not-served',
      permission: `${current === undefined ? 'create' : 'update'} ${type.plural}.${type.group}`,
      namespace: planned.metadata.namespace,
      consequence: `${named} has not been checked by the API server and is taken as it is written`,
    });
    return planned;
  }
}

/** The operator writes statuses all the time, and so may have made a newer version meanwhile. */
async function replaceDry<T extends SecurityBaseline | BaselineException>(
  resource: ResourceClient<KubernetesObject>,
  planned: T,
  current: T,
): Promise<KubernetesObject> {
  const { name, namespace } = planned.metadata;
  for (let latest = current, attempt = 1; ; attempt += 1) {
    try {
      return await resource.replace(replacementOf(planned, latest), { dryRun: true });
    } catch (error) {
      if (!isApiError(error, 'conflict') || attempt === mostAttempts) throw error;
      latest = (await resource.get(name, namespace)) as unknown as T;
    }
  }
}

/** More would mean that something writes without end. */
const mostAttempts = 5;

function replacementOf<T extends SecurityBaseline | BaselineException>(
  planned: T,
  current: T,
): KubernetesObject {
  const { resourceVersion, uid, labels, annotations } = current.metadata;
  const metadata = {
    ...planned.metadata,
    labels: { ...labels, ...planned.metadata.labels },
    annotations: { ...annotations, ...planned.metadata.annotations },
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(uid === undefined ? {} : { uid }),
  };
  return { ...planned, metadata } as unknown as KubernetesObject;
}
