/** A real Prometheus that scrapes what it is told to, for as long as a test takes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../../tools/controlplane/free-port.ts';
import { prometheusProgram } from '../../tools/foreign/prometheus.ts';
import { eventually } from './eventually.ts';

/** What is scraped, and judged by which rules. */
export interface PrometheusOptions {
  readonly job: string;
  /** Such as `127.0.0.1:41234`. */
  readonly targets: readonly string[];
  readonly ruleFiles: readonly string[];
}

/** One series of an answer. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** The last one is the latest. */
  readonly values: readonly number[];
}

interface ServedSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

interface ServedRules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly name: string;
      readonly health: string;
      readonly lastError?: string;
    }[];
  }[];
}

const intervalSeconds = 1;

/** Listens on loopback, at a port of its own, and keeps what it knows in a folder that goes with it. */
export class PrometheusServer implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #url: string;

  private constructor(child: ChildProcess, folder: string, url: string) {
    this.#child = child;
    this.#folder = folder;
    this.#url = url;
  }

  /** Starts it; resolves when it answers questions. */
  static async start({ job, targets, ruleFiles }: PrometheusOptions): Promise<PrometheusServer> {
    const program = await prometheusProgram('prometheus');
    const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
    const config = {
      global: { scrape_interval: `${intervalSeconds}s`, evaluation_interval: `${intervalSeconds}s` },
      rule_files: ruleFiles,
      scrape_configs: [{ job_name: job, static_configs: [{ targets }] }],
    };
    await writeFile(join(folder, 'prometheus.yaml'), stringify(config));
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(
      program,
      [
        `--config.file=${join(folder, 'prometheus.yaml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${address}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const killWithOwner = (): void => void child.kill('SIGKILL');
    process.once('exit', killWithOwner);
    child.once('exit', () => process.off('exit', killWithOwner));
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => {
      log = (log + String(chunk)).slice(-4000);
    });
    const server = new PrometheusServer(child, folder, `http://${address}`);
    try {
      await eventually(
        async () => {
          if (child.exitCode !== null) throw new Error(`it has ended:\n${log}`);
          return (await fetch(`${server.#url}/-/ready`)).ok;
        },
        { what: 'Prometheus is ready', timeoutMs: 60_000 },
      );
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** The answer now. @throws where Prometheus finds the query wrong */
  async query(expr: string): Promise<readonly Series[]> {
    return await this.#series('query', { query: expr });
  }

  /** The answers for the last two minutes, as a panel asks for them. */
  async queryRange(expr: string): Promise<readonly Series[]> {
    const end = Date.now() / 1000;
    return await this.#series('query_range', {
      query: expr,
      start: String(end - 120),
      end: String(end),
      step: '5',
    });
  }

  /** The values of a label in a metric's series. */
  async labelValues(label: string, metric: string): Promise<readonly string[]> {
    return (await this.#get(`label/${label}/values`, { 'match[]': metric })) as readonly string[];
  }

  /** The rules, with what Prometheus makes of them: `ok`, or what is wrong. */
  async rules(): Promise<Readonly<Record<string, string>>> {
    const { groups } = (await this.#get('rules', {})) as ServedRules;
    const rules = groups.flatMap((group) => group.rules);
    return Object.fromEntries(rules.map(({ name, health, lastError }) => [name, lastError || health]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #series(path: string, parameters: Readonly<Record<string, string>>): Promise<readonly Series[]> {
    const { result } = (await this.#get(path, parameters)) as { result: readonly ServedSeries[] };
    return result.map(({ metric, value, values }) => ({
      labels: metric,
      values: (values ?? (value === undefined ? [] : [value])).map(([, text]) => Number(text)),
    }));
  }

  async #get(path: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { status: string; error?: string; data?: unknown };
    if (answer.status !== 'success') throw new Error(`${parameters.query ?? path}: ${answer.error}`);
    return answer.data;
  }
}
