/** A reader who does what a page says, at a shell, in a checkout and on a cluster of his own. */
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlPlane } from '../../tools/controlplane/control-plane.ts';
import { StandInNodes } from './docs-nodes.ts';
import { differenceOf } from './docs-output.ts';
import { root, type Step } from './docs-pages.ts';
import { dnsService } from './operator-harness.ts';
import { RestClient } from './rest-client.ts';

/** What is not part of a checkout, or not to be written to by a page. */
const notCopied = new Set(['.git', '.tmp', 'coverage', 'dist', 'node_modules']);
const commandTimeoutMs = 180_000;
/** How long a question may take to be answered as the page says: the operator may still be at work. */
const answerTimeoutMs = 60_000;
const askAgainAfterMs = 250;

/** Commands that change nothing: a reader who is slower sees a later answer. */
const question =
  /^kubectl( -n \S+| --namespace \S+)? (get|describe|events|auth|api-resources|baseline (status|explain|why-denied|can-connect|connections|exception list))\b/;

/** The programs that pages use, by name; the path of each. */
export type Programs = Readonly<Record<string, string>>;

/** What was printed is not what the page shows. */
export interface Difference {
  /** To be read. */
  readonly text: string;
  readonly output: string;
}

/** Everything that one page needs, and nothing that another has left behind. */
export class Reader implements AsyncDisposable {
  readonly #kubeconfig: string;
  readonly #folder: string;
  readonly #nodes: StandInNodes;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    kubeconfig: string,
    folder: string,
    nodes: StandInNodes,
    resources: AsyncDisposableStack,
  ) {
    this.#kubeconfig = kubeconfig;
    this.#folder = folder;
    this.#nodes = nodes;
    this.#resources = resources;
  }

  /** Starts a control plane with nothing installed but a DNS, as every cluster has one. */
  static async start(programs: Programs): Promise<Reader> {
    await using resources = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'docs-'));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    const checkout = join(folder, 'checkout');
    await cp(root, checkout, {
      recursive: true,
      filter: (path) => !notCopied.has(relative(root, path)),
    });
    await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'));
    await mkdir(join(folder, 'home/.local/bin'), { recursive: true });
    await mkdir(join(folder, 'bin'));
    for (const [name, path] of Object.entries({ ...programs, node: process.execPath })) {
      await symlink(path, join(folder, 'bin', name));
    }
    const controlPlane = resources.use(await ControlPlane.start());
    const admin = new RestClient(controlPlane.adminKubeconfig);
    resources.defer(async () => admin.close());
    await admin.create({ kind: 'Service', namespace: 'kube-system', name: 'kube-dns' }, { spec: dnsService });
    const nodes = resources.use(new StandInNodes(controlPlane, admin));
    return new Reader(controlPlane.adminKubeconfig, folder, nodes, resources.move());
  }

  /**
   * Does what a step says.
   *
   * @param patienceMs how long to ask again where an answer is not what the page shows
   * @returns what was printed, where that is not what the page shows
   * @throws where a command ends otherwise than the page says
   */
  async follow(
    step: Exclude<Step, { kind: 'not run' }>,
    patienceMs = answerTimeoutMs,
  ): Promise<Difference | undefined> {
    if (step.kind === 'file') {
      const path = join(this.#folder, 'checkout', step.name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, step.content);
      return undefined;
    }
    const isQuestion = step.script
      .trim()
      .split('\n')
      .every((line) => question.test(line));
    const deadline = Date.now() + (isQuestion ? patienceMs : 0);
    for (;;) {
      const { code, output } = await this.#run(step.script);
      const difference = step.prints === undefined ? undefined : differenceOf(step.prints.text, output);
      if (code === step.exits && difference === undefined) return undefined;
      if (Date.now() < deadline) await sleep(askAgainAfterMs);
      else if (code === step.exits) return { text: difference ?? '', output };
      else throw new Error(`${step.script}\nended with ${code}, not ${step.exits}; it printed:\n${output}`);
    }
  }

  async #run(script: string): Promise<{ readonly code: number | null; readonly output: string }> {
    const bin = [join(this.#folder, 'bin'), join(this.#folder, 'home/.local/bin'), process.env.PATH].join(
      ':',
    );
    const child = spawn('bash', ['-c', `set -euo pipefail; exec 2>&1\n${script}`], {
      cwd: join(this.#folder, 'checkout'),
      env: {
        PATH: bin,
        HOME: join(this.#folder, 'home'),
        USER: 'ada',
        KUBECONFIG: this.#kubeconfig,
        NO_COLOR: '1',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      // A group of its own, so that nothing of it is left when it takes too long.
      detached: true,
    });
    const overdue = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), commandTimeoutMs);
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    child.once('error', reject);
    child.once('close', resolve);
    const code = await promise.finally(() => clearTimeout(overdue));
    const output = Buffer.concat(chunks).toString('utf8');
    return { code, output: code === null ? `${output}\n(killed after ${commandTimeoutMs} ms)` : output };
  }

  /** The end of the operator's log, for a failure message. */
  get operatorLog(): string {
    return this.#nodes.operatorLog.slice(-20).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** Names a step in a list of tests. */
export function titleOf(step: Step): string {
  const text =
    step.kind === 'file' ? `the file ${basename(step.name)}` : (step.script.trim().split('\n')[0] ?? '');
  return `line ${step.line}: ${text}`;
}
