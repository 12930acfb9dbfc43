import type { KubernetesObject } from '../../api/objects.ts';
import { Field } from './field.ts';
import type { FieldPath, SourceLocation } from './source-location.ts';

/** A Kubernetes object as a file gives it: with a kind and a name, and otherwise unchecked. */
export class ManifestObject {
  readonly object: KubernetesObject;
  /** Where the object begins. */
  readonly location: SourceLocation;
  readonly #locate: (path: FieldPath) => SourceLocation;

  constructor(object: KubernetesObject, locate: (path: FieldPath) => SourceLocation) {
    this.object = object;
    this.location = locate([]);
    this.#locate = locate;
  }

  get apiVersion(): string {
    return this.object.apiVersion;
  }

  /** The API group; empty for the core group. */
  get group(): string {
    const [group = '', version] = this.apiVersion.split('/');
    return version === undefined ? '' : group;
  }

  get kind(): string {
    return this.object.kind;
  }

  /** For an object with only a generateName, that, with the `*` that stands for what is added. */
  get name(): string {
    return this.object.metadata.name;
  }

  /** Undefined where the file leaves it to whoever applies it, and for cluster-scoped objects. */
  get namespace(): string | undefined {
    return this.object.metadata.namespace;
  }

  /** The object, to be read part by part. */
  get root(): Field {
    return new Field(this.object);
  }

  /** Where a part of the object is written; of one that is not there, where the nearest part around it is. */
  locate(path: FieldPath): SourceLocation {
    return this.#locate(path);
  }
}
