/** The composition root: flags, signals, exit code. */
import packageJson from '../package.json' with { type: 'json' };
import { SecurityBaselineOperator } from './operator.ts';
import { parseOptions } from './options.ts';
import { systemClock } from './runtime/clock.ts';
import { RootLogger } from './telemetry/logger.ts';
import { Metrics } from './telemetry/metrics.ts';
import { ProbeServer } from './telemetry/probes.ts';

const { version } = packageJson;
const options = parseOptions(process.argv.slice(2), version);
const logger = new RootLogger({ level: options.logLevel, format: options.logFormat });
const metrics = new Metrics(version);

function endWith(error: unknown): never {
  logger.error('ends because of an error', { error });
  process.exit(1);
}
process.on('uncaughtException', endWith);
process.on('unhandledRejection', endWith);

const operator = new SecurityBaselineOperator({
  options,
  version,
  clock: systemClock,
  logger,
  metrics,
  onFatal: endWith,
});
const probes = new ProbeServer({
  host: options.probeHost,
  port: options.probePort,
  liveness: [],
  readiness: operator.readiness,
  registry: metrics.registry,
  log: logger,
});

let isStopping = false;
async function stop(signal: string): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  logger.info('stopping', { signal });
  await operator.stop();
  await probes.stop();
  logger.info('stopped');
  process.exit(0);
}
process.on('SIGTERM', (signal) => void stop(signal));
process.on('SIGINT', (signal) => void stop(signal));

await probes.start();
logger.info('starting', { version, probePort: probes.port, identity: options.identity });
await operator.start();
