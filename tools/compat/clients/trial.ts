/** Lets a client send its events through a proxy to Kafka, then the same with Kafka stopped, and compares what arrives. */
import { temporaryFolder } from '../../kafka/folders.ts';
import type { ReadRecord } from '../../kafka/records.ts';
import { startProxy } from '../../proxy.ts';
import { lastLine, runToEnd, type Command } from '../processes.ts';
import { awaitOutage, awaitRecords } from '../topic.ts';
import type { Stage } from '../stage.ts';
import type { Outcome, Trial } from '../trial.ts';
import { keyOf } from './key.ts';
import { Recorder, type Exchange } from './recorder.ts';

export interface Client {
  readonly name: string;
  readonly label: string;
  readonly version: string | (() => Promise<string>);
  readonly install: () => Promise<unknown>;
  /** Writes its files into a fresh folder, and gives the command that sends events to the address and ends. */
  readonly command: (url: string, folder: string) => Command | Promise<Command>;
  /** It sends at least this many events in one run. */
  readonly events: number;
  readonly limitMs?: number;
  /** What it needs beside the proxy, stopped afterwards. */
  readonly beside?: () => Promise<() => Promise<void>>;
}

const LIMIT_MS = 180_000;

export function trialOf(client: Client): Trial {
  const { name, label, version, install } = client;
  const given = () => (typeof version === 'string' ? version : version());
  return { name, group: 'clients', label, version: given, install, run: (stage) => tryClient(client, stage) };
}

interface Pass {
  readonly exchanges: readonly Exchange[];
  readonly problems: readonly string[];
}

async function tryClient(client: Client, stage: Stage): Promise<Outcome> {
  const broker = await stage.broker();
  const topic = `compat.client.${client.name}.${Date.now()}`;
  const stopBeside = await client.beside?.();
  const proxy = await startProxy({
    settings: { KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers, PRODUCER__MAIN_TOPIC: topic },
  });
  const recorder = await Recorder.start(proxy.url);
  try {
    await proxy.ready();
    const usual = await pass(client, recorder, 'kafka');
    const arrived = await awaitRecords(broker, topic, usual.exchanges.length);
    const compared = compare(usual.exchanges, arrived);

    await broker.kill();
    await awaitOutage(proxy);
    const outage = await pass(client, recorder, 'spool');
    await broker.start();
    const sent = [...usual.exchanges, ...outage.exchanges];
    const afterwards = compare(sent, await awaitRecords(broker, topic, sent.length));

    const problems = [...usual.problems, ...compared, ...outage.problems, ...afterwards];
    return { ok: problems.length === 0, problems, cells: cellsOf(usual, compared, outage, afterwards) };
  } finally {
    if (!broker.running) await broker.start();
    recorder.stop();
    await proxy.stop();
    await stopBeside?.();
  }
}

/** One run of the client. */
async function pass(client: Client, recorder: Recorder, delivery: string): Promise<Pass> {
  const folder = temporaryFolder(`http2kafka-compat-${client.name}-`);
  const command = await client.command(recorder.url, folder);
  const { code, stdout, stderr } = await runToEnd({ cwd: folder, ...command }, client.limitMs ?? LIMIT_MS);
  const exchanges = recorder.take();
  const problems: string[] = [];
  if (code !== 0)
    problems.push(`it ended with ${code ?? 'a time-out'}: ${lastLine(stderr) || lastLine(stdout)}`);
  if (exchanges.length < client.events)
    problems.push(`${exchanges.length} events, expected ${client.events}`);
  const refused = exchanges.filter(({ status }) => status !== 201);
  if (refused.length > 0) problems.push(`${refused.length} not answered by 201: ${refused[0]?.status ?? 0}`);
  const other = exchanges.filter((one) => one.status === 201 && one.delivery !== delivery);
  // The first events of an outage may wait for Kafka before they go to the disk. They are answered by `spool` as well.
  if (other.length > 0) problems.push(`${other.length} with X-Delivery: ${other[0]?.delivery ?? ''}`);
  return { exchanges, problems };
}

/** Each event once, with the same bytes and the documented key. Gives what is not so. */
function compare(exchanges: readonly Exchange[], records: readonly ReadRecord[]): readonly string[] {
  const problems: string[] = [];
  const open = new Map<string, number>();
  for (const { body } of exchanges) add(open, body.toString('base64'), 1);
  for (const { key, value } of records) {
    add(open, (value ?? Buffer.alloc(0)).toString('base64'), -1);
    const expected = keyOf(JSON.parse(value?.toString() ?? 'null'));
    if (key?.toString() !== expected) problems.push(`key ${key?.toString() ?? 'null'}, expected ${expected}`);
  }
  const counts = [...open.values()];
  const missing = counts.filter((count) => count > 0).length;
  const strange = counts.filter((count) => count < 0).length;
  if (missing > 0) problems.push(`${missing} events are not in Kafka with the same bytes`);
  if (strange > 0) problems.push(`${strange} records are twice in Kafka, or are no event of the client`);
  return problems;
}

function add(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

function cellsOf(
  usual: Pass,
  compared: readonly string[],
  outage: Pass,
  afterwards: readonly string[],
): Record<string, string> {
  const { exchanges } = usual;
  const encodings = new Set(exchanges.map(({ encoding }) => encoding || 'none'));
  const agents = new Set(exchanges.map(({ userAgent }) => userAgent.split(/[ (]/)[0] ?? ''));
  return {
    'User-Agent': [...agents].join(', '),
    encoding: [...encodings].join(', '),
    events: `${exchanges.length}`,
    'same bytes and key in Kafka': verdict([...usual.problems, ...compared]),
    'events in an outage': `${outage.exchanges.length}`,
    'in Kafka afterwards': verdict([...outage.problems, ...afterwards]),
  };
}

function verdict(problems: readonly string[]): string {
  return problems.length === 0 ? 'all' : `no: ${problems[0] ?? ''}`;
}
