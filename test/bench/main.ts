/** The benchmark: `node test/bench/main.ts --help`. What it found lately is in docs/performance.md. */
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { burst } from './burst.ts';
import { fleet } from './fleet.ts';
import { latency } from './latency.ts';
import { cores, load } from './machine.ts';
import { isMet, type ScenarioResult, table } from './result.ts';

interface Options {
  readonly json?: string;
  readonly quick?: boolean;
  readonly strict?: boolean;
}

/** Each on a fresh control plane. */
const scenarios: Readonly<Record<string, (quick: boolean, signal: AbortSignal) => Promise<ScenarioResult>>> =
  {
    burst: (quick, signal) =>
      burst(quick ? { namespaces: 300, rounds: 1 } : { namespaces: 1000, rounds: 3 }, { signal }),
    latency: (quick, signal) =>
      latency(
        quick
          ? { reactions: 50, repairs: 30, fleets: [100] }
          : { reactions: 150, repairs: 100, fleets: [100, 1000] },
        { signal },
      ),
    fleet: (quick, signal) =>
      fleet(
        quick
          ? { namespaces: 1000, restarts: 1, duringRollout: 3, idleMs: 60_000 }
          : { namespaces: 10_000, restarts: 3, duringRollout: 20, idleMs: 600_000 },
        { signal },
      ),
  };

async function main(argv: readonly string[]): Promise<number> {
  const command = new Command('bench')
    .description(
      'Measures the operator against a plain load generator, on the same API server, in the same run.',
    )
    .argument('[scenario...]', `some of ${Object.keys(scenarios).join(', ')}; all when left out`)
    .option('--json <file>', 'write the figures, and everything they were made of')
    .option('--quick', 'smaller: shows that it works, not how fast it is')
    .option('--strict', 'exit with 1 where a figure is not what was asked for')
    .parse([...argv], { from: 'user' });
  const { json, quick = false, strict = false } = command.opts<Options>();
  const chosen = command.args.length > 0 ? command.args : Object.keys(scenarios);
  const unknown = chosen.find((name) => !Object.hasOwn(scenarios, name));
  if (unknown !== undefined) {
    command.error(`no scenario '${unknown}': give some of ${Object.keys(scenarios).join(', ')}`);
  }

  const interruption = new AbortController();
  const onSignal = (): void => {
    // Ends helper processes, operator and control plane too: each ends with its owner.
    interruption.abort();
    process.exit(130);
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);

  const results: ScenarioResult[] = [];
  for (const name of chosen) {
    const startedAt = performance.now();
    console.error(`${name}: begins (load ${load().toFixed(1)} on ${cores()} cores)`);
    const result = await scenarios[name]?.(quick, interruption.signal);
    if (result !== undefined) results.push(result);
    console.error(`${name}: done in ${Math.round((performance.now() - startedAt) / 1000)} s`);
    if (json !== undefined)
      await writeFile(json, `${JSON.stringify({ cores: cores(), results }, null, 2)}\n`);
  }
  console.log(`\n${table(results)}`);
  const missed = results.flatMap(({ figures }) => figures).filter((figure) => isMet(figure) === false);
  return strict && missed.length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
