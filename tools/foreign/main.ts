/**
 * Obtains other people's programs, which the packaging tests need: `make foreign`, or `make foreign TOOLS="..."` for some. What is
 * there already is left as it is.
 */
import { actionlint } from './actionlint.ts';
import { ensureDebianPackages } from './debian.ts';
import { ensureFlux, ensureHealthJudge } from './flux.ts';
import { helm } from './helm.ts';
import { kubectl } from './kubectl.ts';
import { ensurePrometheus } from './prometheus.ts';
import { ensurePrometheusOperatorCrds } from './prometheus-operator.ts';

/** A program of somebody else. */
interface ForeignTool {
  /** How TOOLS names it. */
  readonly name: string;
  /** Installs or builds it, unless it is there. */
  readonly ensure: (signal?: AbortSignal) => Promise<unknown>;
}

const tools: readonly ForeignTool[] = [
  { name: 'kubectl', ensure: (signal) => kubectl.ensure({ signal }) },
  { name: 'helm', ensure: (signal) => helm.ensure({ signal }) },
  { name: 'actionlint', ensure: (signal) => actionlint.ensure({ signal }) },
  { name: 'buildah', ensure: (signal) => ensureDebianPackages(['buildah', 'debootstrap'], signal) },
  { name: 'prometheus', ensure: ensurePrometheus },
  { name: 'prometheus-operator', ensure: ensurePrometheusOperatorCrds },
  { name: 'gitops-health', ensure: ensureHealthJudge },
  { name: 'flux', ensure: ensureFlux },
];

/** Runs and returns the exit code: 0 done, 1 failed, 2 not understood, 130 interrupted. */
async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !tools.some((tool) => tool.name === name));
  if (unknown.length > 0) {
    console.error(`Unknown: ${unknown.join(', ')}. There are: ${tools.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
  let failed = false;
  for (const { name, ensure } of tools) {
    if (names.length > 0 && !names.includes(name)) continue;
    try {
      await ensure(interrupt.signal);
      console.log(`${name}: ready`);
    } catch (error) {
      if (interrupt.signal.aborted) return 130;
      // The others are worth having, too: one that cannot be had fails only the tests that need it.
      failed = true;
      console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return failed ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
