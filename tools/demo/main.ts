/** The demo: the main job on a real API server, on this machine, with nothing left behind. */
import { once } from 'node:events';
import { play } from './play.ts';
import { Screen } from './screen.ts';
import { Stage } from './stage.ts';

const usage = `
Usage: node tools/demo/main.ts [--once]

Starts a Kubernetes control plane and the operator, shows what it does, and stays
up until Ctrl-C. With --once it ends by itself; the exit code is 0 when all was
as claimed, and 1 when something was not.
`.trim();

/** Runs the demo and returns the exit code; 130 when interrupted before its end. */
async function main(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg !== '--once')) {
    console.log(usage);
    return args.includes('--help') ? 0 : 2;
  }
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // Whoever asks a second time does not want to wait for the order in which things stop.
    process.on(signal, () => (interrupt.signal.aborted ? process.exit(130) : interrupt.abort()));
  }
  const screen = new Screen();
  try {
    return await show(screen, args.includes('--once'), interrupt.signal);
  } catch (error) {
    if (interrupt.signal.aborted) return 130;
    screen.failed(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

async function show(screen: Screen, isOnce: boolean, signal: AbortSignal): Promise<number> {
  screen.title('Security Baseline operator: every selected namespace, hardened within moments');
  await using stage = await Stage.set(screen, signal);
  const failures = await play(stage, screen, signal);
  if (isOnce) return failures === 0 ? 0 : 1;
  const { adminKubeconfig, directory } = stage.controlPlane;
  screen.chapter('4  Your turn');
  screen.command(`export KUBECONFIG=${adminKubeconfig}`);
  screen.command('kubectl get securitybaselines');
  screen.command('kubectl create ns mine && kubectl label ns mine environment=prod');
  screen.command('kubectl -n mine delete netpol --all && kubectl -n mine get netpol,events');
  screen.space();
  screen.say(`The operator's log: ${directory}/logs/operator.log`);
  screen.say('Ctrl-C stops everything and leaves nothing behind.', 'bold');
  const ended = await Promise.race([
    stage.operator.ended().then((code) => `the operator has ended (${code}), which it should not`),
    signal.aborted ? undefined : once(signal, 'abort').then(() => undefined),
  ]);
  if (ended !== undefined && !signal.aborted) throw new Error(ended);
  screen.space();
  screen.say('Stopping.');
  return failures === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
