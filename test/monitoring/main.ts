/**
 * `make alerts-test`: makes each alert fire for a real reason, and clear again. Real proxies, a real Kafka, and a real
 * Prometheus (Debian's), for which a minute of the rules is a second. With Kafka available it also asks each expression
 * of the dashboard for data.
 *
 *     node test/monitoring/main.ts [--only NAME,…]
 */
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../tools/kafka/ports.ts';
import { startBroker } from '../../tools/kafka/broker.ts';
import { rows } from '../../tools/reference/dashboard.ts';
import { Prometheus } from './prometheus.ts';
import { scenes, type Scene, type World } from './scenes.ts';

/** Seconds in which an alert must fire, and clear. The longest periods of the rules are two minutes here. */
const LIMIT_S = 240;

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const only = values.only?.split(',');
const chosen = scenes.filter(({ name }) => only?.includes(name) ?? true);

const ports = await freePorts(chosen.length);
const broker = await startBroker({ properties: { 'auto.create.topics.enable': 'true' } });
const targets = chosen.map(({ scheme }, index) => ({ port: ports[index] ?? 0, ...(scheme && { scheme }) }));
const prometheus = await Prometheus.start(targets);
let failures = 0;
for (const [index, scene] of chosen.entries()) {
  const world = { broker, port: ports[index] ?? 0 };
  for (const line of await play(scene, world)) {
    if (line.startsWith('FAILED')) failures += 1;
    console.log(`${scene.name}: ${line}`);
  }
}
await prometheus.stop();
await broker.stop();
process.exitCode = failures === 0 ? 0 : 1;

/** What has come of a scene, line by line. */
async function play({ alerts, begin, hasData = false }: Scene, world: World): Promise<readonly string[]> {
  const running = await begin(world);
  const instance = `127.0.0.1:${world.port}`;
  const lines: string[] = [];
  try {
    await sleep(3000);
    await running.trouble();
    for (const alert of alerts) lines.push(await becomes(alert, instance, true));
    await running.mend();
    if (hasData) lines.push(...(await emptyExpressions(instance)));
    for (const alert of alerts) lines.push(await becomes(alert, instance, false));
  } catch (error) {
    lines.push(`FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  } finally {
    await running.end();
  }
  return lines;
}

async function becomes(alert: string, instance: string, firing: boolean): Promise<string> {
  const wanted = firing ? 'fires' : 'clears';
  const start = performance.now();
  for (;;) {
    const isFiring = (await prometheus.firing(alert)).includes(instance);
    const seconds = Math.round((performance.now() - start) / 1000);
    if (isFiring === firing) return `${alert} ${wanted} after ${seconds} s`;
    if (seconds > LIMIT_S) return `FAILED: ${alert} does not ${firing ? 'fire' : 'clear'} in ${LIMIT_S} s`;
    await sleep(250);
  }
}

/** The expressions of the dashboard that give nothing for this proxy. Some show only what goes wrong. */
async function emptyExpressions(instance: string): Promise<readonly string[]> {
  const queries = rows.flatMap(({ panels }) => panels.flatMap((panel) => panel.queries));
  const empty: string[] = [];
  for (const { expr } of queries) {
    const asked = expr
      .replaceAll('$job', 'http2kafka')
      .replaceAll('$instance', instance)
      .replaceAll('$__rate_interval', '60s')
      .replaceAll(' > 0', ' >= 0');
    if ((await prometheus.series(asked)) === 0) empty.push(`FAILED: no data for ${expr}`);
  }
  return [
    `${queries.length - empty.length} of ${queries.length} expressions of the dashboard have data`,
    ...empty,
  ];
}
