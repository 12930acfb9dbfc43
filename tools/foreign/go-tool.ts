/** Other people's programs in Go that tests need, built from the module proxy at a pinned version. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDefect, cacheRoot, publish, withLock } from '../controlplane/cache.ts';
import { buildWithGo } from '../controlplane/go-build.ts';
import { Progress } from '../controlplane/progress.ts';

/** Which program, and from where. */
export interface GoToolOptions {
  /** What the executable is called, and its folder in the cache. */
  readonly name: string;
  /** Its main package, such as `helm.sh/helm/v4/cmd/helm`. */
  readonly package: string;
  /**
   * Beside this file, the folder with the Go module that pins the program: go.mod with a `tool` directive for the package and
   * the `replace` directives of its own go.mod (Go obeys those of the main module alone, which is why
   * `go install package@version` refuses such a program), and go.sum, the checksum of all that is built. One
   * folder can serve several programs. To make one:
   *
   *     go mod init securitybaseline.io/tools/foreign/NAME
   *     # copy the replace directives here, if there are any; one to a folder of its own repository goes
   *     go get -tool PACKAGE@VERSION
   *
   * By default it has the program's name.
   */
  readonly module?: string;
  /** What is to be linked in, given the version: `-X main.version=...`. Nothing by default. */
  readonly ldflags?: (version: string) => readonly string[];
}

/** How to obtain a program. */
export interface ObtainOptions {
  /** By default standard error. */
  readonly progress?: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** One such program. Kept in `<cache>/<name>/<version>`, and built once. */
export class GoTool {
  readonly name: string;
  /** The version of the module that the package is in, such as `v4.3.1`: go.mod says it. */
  readonly version: string;
  readonly #moduleDirectory: string;
  readonly #package: string;
  readonly #ldflags: readonly string[];

  constructor(options: GoToolOptions) {
    this.name = options.name;
    this.#package = options.package;
    this.#moduleDirectory = join(import.meta.dirname, options.module ?? options.name);
    this.version = requiredVersion(join(this.#moduleDirectory, 'go.mod'), options.package);
    this.#ldflags = options.ldflags?.(this.version) ?? [];
  }

  /** Builds it where it is not there yet; resolves with the path of the executable. */
  async ensure({ progress = new Progress(), signal }: ObtainOptions = {}): Promise<string> {
    const directory = this.#directory;
    const obtain = async (): Promise<void> => {
      // Whoever held the lock before may have done the work.
      if ((await cacheDefect(directory, [this.name])) === undefined) return;
      progress.say(`Building ${this.name} ${this.version} with Go: some minutes, once.`);
      await publish(directory, [this.name], (staging) =>
        buildWithGo(
          {
            moduleDirectory: this.#moduleDirectory,
            packages: { [this.name]: this.#package },
            ldflags: this.#ldflags,
          },
          staging,
          progress,
          signal,
        ),
      );
    };
    const onWait = (owner: number): void =>
      progress.say(`Waiting for process ${owner}, which builds ${this.name} (${directory}.lock).`);
    if ((await cacheDefect(directory, [this.name])) !== undefined) {
      await withLock(`${directory}.lock`, obtain, onWait, signal);
    }
    return join(directory, this.name);
  }

  /**
   * The path of the executable, for a test: nothing is built.
   *
   * @throws where it is not there, naming the make target that builds it.
   */
  async path(): Promise<string> {
    const defect = await cacheDefect(this.#directory, [this.name]);
    if (defect === undefined) return join(this.#directory, this.name);
    throw new Error(`${this.name} ${this.version} has not been built (${defect}): run make foreign`);
  }

  get #directory(): string {
    return join(cacheRoot(this.name), this.version);
  }
}

/** The version at which a go.mod requires the module that holds a package. */
function requiredVersion(goMod: string, packagePath: string): string {
  const requirements = readFileSync(goMod, 'utf8').matchAll(/^(?:require)?\s+(\S+) (v\S+)/gm);
  const holders = Array.from(requirements, ([, path = '', version = '']) => ({ path, version }))
    .filter(({ path }) => `${packagePath}/`.startsWith(`${path}/`))
    .toSorted((a, b) => b.path.length - a.path.length);
  const [holder] = holders;
  if (holder === undefined) throw new Error(`${goMod} requires no module that holds ${packagePath}`);
  return holder.version;
}
