// `make run`: starts Kafka (unless one is configured) and the proxy, posts the sample events and shows their records.
import { join } from 'node:path';
import { startBroker, type Broker } from '../kafka/broker.ts';
import { MissingToolError } from '../kafka/java.ts';
import { isFree } from '../kafka/ports.ts';
import { endOffsets, isUnknownTopic } from '../kafka/topics.ts';
import { Proxy } from '../proxy.ts';
import { postExamples, showRecords } from './examples.ts';

const KAFKA = 'HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS';
const SPOOL = 'HTTP2KAFKA__SPOOL__PATH';
const root = join(import.meta.dirname, '..', '..');
const topic = process.env['HTTP2KAFKA__PRODUCER__MAIN_TOPIC'] ?? 'input.runs';
const port = Number(process.env['PORT'] ?? 8002);

/** Milliseconds that the proxy may need to find its Kafka. */
const READY_MS = 10_000;

/** An error that the user can correct. It is shown without a stack. */
class DemoError extends Error {}

let broker: Broker | undefined;
let proxy: Proxy | undefined;
const stopped = Promise.withResolvers<undefined>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.resolve(undefined));

try {
  await run();
} catch (error) {
  const known = error instanceof MissingToolError || error instanceof DemoError;
  console.error(known ? `\n${error.message}` : error);
  process.exitCode = 1;
} finally {
  if (proxy?.running) await proxy.stop();
  await broker?.stop();
}

async function run(): Promise<void> {
  if (!Number.isInteger(port) || !(await isFree(port))) {
    throw new DemoError(
      `Port ${process.env['PORT'] ?? port} is taken: another program listens there. Stop it, or choose another: make run PORT=8003`,
    );
  }
  const bootstrap = process.env[KAFKA] ?? (await startKafka());
  proxy = new Proxy(
    {
      program: 'built',
      port,
      environment: inheritedSettings(bootstrap),
      args: ['--no-access-log', process.stderr.isTTY ? '--use-colors' : '--no-use-colors'],
    },
    port,
  );
  await proxy.listening();
  const problem = await proxy.ready(READY_MS);
  if (problem !== undefined)
    throw new DemoError(`Kafka at ${bootstrap} cannot be written to: ${messageOf(problem)}`);
  console.log(`The proxy listens on ${proxy.url}\n`);

  const before = await endOffsets(bootstrap, topic).catch((error: unknown) => {
    if (isUnknownTopic(error)) return new Map<number, bigint>();
    throw error;
  });
  const posted = await postExamples(proxy.url, join(root, 'examples'));
  await showRecords(bootstrap, topic, before, posted);
  console.log(farewell(proxy.url, bootstrap));

  // From here on the proxy's log is shown as it grows: refusals above all.
  let shown = proxy.log.length;
  const showLog = setInterval(() => {
    process.stderr.write(proxy?.log.slice(shown) ?? '');
    shown = proxy?.log.length ?? 0;
  }, 100);
  await Promise.race([stopped.promise, proxy.ended]);
  clearInterval(showLog);
  console.log('\nStopping');
}

async function startKafka(): Promise<string> {
  console.log('Starting Kafka (the first start downloads it from Maven Central)');
  const kafkaPort = await firstFree(9092);
  broker = await startBroker({ port: kafkaPort, folder: join(root, '.run', 'kafka', 'data') });
  console.log(`Kafka listens on ${broker.bootstrapServers}`);
  return broker.bootstrapServers;
}

/** The caller's settings apply to the proxy, too. */
function inheritedSettings(bootstrap: string): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) => /^(HTTP2KAFKA|DATA_RENTGEN)__/.test(name));
  const given = Object.fromEntries(own.map(([name, value]) => [name, value ?? '']));
  return { [SPOOL]: join(root, '.run', 'spool'), ...given, [KAFKA]: bootstrap };
}

function messageOf(body: string): string {
  return /"kafka":"([^"]*)"/.exec(body)?.[1] ?? body;
}

async function firstFree(from: number): Promise<number> {
  for (let candidate = from; ; candidate++) if (await isFree(candidate)) return candidate;
}

function farewell(url: string, bootstrap: string): string {
  return `
Post an event:
  curl -i ${url}/api/v1/lineage -H 'Content-Type: application/json' --data-binary @examples/python/01-start.json
The page, with what arrives and what is refused:  ${url}/
The API, with examples to send from the page:  ${url}/docs
Metrics:  ${url}/monitoring/metrics
Kafka, for a consumer of topic ${topic}:  ${bootstrap}

Ctrl-C stops everything.`;
}
