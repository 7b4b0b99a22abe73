/** What is wrong with a topic that the proxy writes to. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../../config/schema/schema.ts';
import type { BrokerInquiry, ClusterState, TopicState } from '../../kafka/cluster/broker-inquiry.ts';
import { explained } from '../../kafka/error-code.ts';
import type { Finding, Report } from './finding.ts';

export interface AskedTopic {
  /** The setting, or the rule, that names it. */
  readonly place: string;
  readonly name: string;
}

export interface TopicQuestion {
  readonly inquiry: BrokerInquiry;
  /** A broker that answers. */
  readonly address: string;
  readonly cluster: ClusterState;
  /** Make the topic if it is missing. */
  readonly create: boolean;
}

/** Milliseconds between two checks whether a new topic has its leaders. */
const NEW_TOPIC_POLL_MS = 200;
const NEW_TOPIC_POLLS = 15;

const BEHIND = 'message.timestamp.before.max.ms';
const EITHER_WAY = 'message.timestamp.difference.max.ms';

/** Kafka's "no limit" is 2^63 - 1. */
const NO_LIMIT = 2 ** 63;

/** Codecs that consumers of JavaScript and Python read without a codec of their own. */
const READABLE_CODECS = ['producer', 'uncompressed', 'gzip'];

/** Reports all that is wrong with the topic, or that it is good. Rejects if the broker no longer answers. */
export async function checkTopic(
  topic: AskedTopic,
  question: TopicQuestion,
  settings: Settings,
  report: Report,
): Promise<void> {
  const { place, name } = topic;
  let state = question.cluster.topics.find((one) => one.name === name);
  if (state?.error === 'UNKNOWN_TOPIC_OR_PARTITION') {
    if (!question.create) {
      await reportMissing(topic, question, report);
      return;
    }
    state = await createTopic(topic, question, report);
    if (!state) return;
  }
  if (!state || state.error !== undefined || state.partitions.length === 0) {
    const error = state?.error ?? 'the broker says nothing of it';
    report({ severity: 'error', place, message: `the topic ${name} cannot be used: ${explained(error)}` });
    return;
  }
  const found: Finding[] = [];
  const note: Report = (finding) => {
    found.push(finding);
    report(finding);
  };
  checkRights(topic, state, note);
  const config = await question.inquiry.topicConfig(question.address, name);
  if (config) checkConfig(topic, config, settings, note);
  else {
    note({
      severity: 'warning',
      place,
      message: `the limits of the topic ${name} cannot be read: the proxy assumes Kafka's defaults`,
      advice: 'Give the user of the proxy the ACL DESCRIBE_CONFIGS for the topic.',
    });
  }
  checkReplicas(topic, state, config?.get('min.insync.replicas'), question.cluster.brokers.size, note);
  const count = state.partitions.length;
  if (found.length === 0)
    report({ severity: 'ok', place, message: `the topic ${name} is there, with ${partitions(count)}` });
}

async function reportMissing(
  { place, name }: AskedTopic,
  { inquiry, address, cluster }: TopicQuestion,
  report: Report,
): Promise<void> {
  const nodeId =
    [...cluster.brokers].find(([, one]) => one === address)?.[0] ?? [...cluster.brokers.keys()][0];
  const config = nodeId === undefined ? undefined : await inquiry.brokerConfig(address, nodeId);
  const missing = `the topic ${name} does not exist`;
  if (config?.get('auto.create.topics.enable') === 'true') {
    report({
      severity: 'warning',
      place,
      message: `${missing}. The brokers make it for the first event, with ${config.get('num.partitions') ?? 'their default of'} partitions`,
      advice: 'Make it before, with --create or by hand, if it needs other settings.',
    });
    return;
  }
  report({
    severity: 'error',
    place,
    message: missing,
    advice: 'Make it with --create, or by hand. Or correct the name.',
  });
}

/** The new topic, once it has leaders; undefined if it could not be made. */
async function createTopic(
  { place, name }: AskedTopic,
  { inquiry, address, cluster }: TopicQuestion,
  report: Report,
): Promise<TopicState | undefined> {
  const made = await inquiry.createTopic(cluster.controller ?? address, name);
  if (typeof made === 'string' && !made.startsWith('TOPIC_ALREADY_EXISTS')) {
    const isRefused = made.includes('AUTHORIZATION_FAILED');
    report({
      severity: 'error',
      place,
      message: `the topic ${name} does not exist, and cannot be made: ${made}`,
      advice: isRefused
        ? 'Give the user of the proxy the ACL CREATE for the topic, or make the topic as an administrator.'
        : 'Make it by hand.',
    });
    return undefined;
  }
  if (typeof made !== 'string') {
    report({
      severity: 'ok',
      place,
      message: `the topic ${name} was made now, with ${partitions(made.partitions)} and ${made.replicas} replicas`,
    });
  }
  for (let polls = 0; ; polls += 1) {
    const { topics } = await inquiry.cluster(address, [name]);
    const [state] = topics;
    const isComplete = state?.error === undefined && state?.partitions.every(({ leader }) => leader !== -1);
    if (isComplete === true || polls === NEW_TOPIC_POLLS) return state;
    await sleep(NEW_TOPIC_POLL_MS);
  }
}

function checkRights({ place, name }: AskedTopic, { operations }: TopicState, report: Report): void {
  if (operations?.write !== false) return;
  report({
    severity: 'error',
    place,
    message: `the proxy may not write to the topic ${name}`,
    advice: 'Give the user of the proxy the ACL WRITE for the topic.',
  });
}

function checkReplicas(
  { place, name }: AskedTopic,
  { partitions: all }: TopicState,
  minInSync: string | undefined,
  brokers: number,
  report: Report,
): void {
  const withoutLeader = all.filter(({ leader }) => leader === -1).length;
  if (withoutLeader > 0) {
    report({
      severity: withoutLeader === all.length ? 'error' : 'warning',
      place,
      message: `${withoutLeader} of ${partitions(all.length)} of the topic ${name} have no leader`,
      advice: 'Their brokers are down: start them. Until then their events stay in the spool.',
    });
  }
  const needed = Number(minInSync ?? 1);
  const replicas = Math.min(...all.map((partition) => partition.replicas));
  if (replicas < needed) {
    report({
      severity: 'error',
      place,
      message: `the topic ${name} has a replication factor of ${replicas}, and min.insync.replicas is ${needed}: no event can be written`,
      advice: 'Give the topic more replicas, or lower min.insync.replicas.',
    });
    return;
  }
  const short = all.filter(({ leader, inSyncReplicas }) => leader !== -1 && inSyncReplicas < needed).length;
  if (short > 0) {
    report({
      severity: 'error',
      place,
      message: `${short} of ${partitions(all.length)} of the topic ${name} have fewer replicas in sync than min.insync.replicas, ${needed}`,
      advice: 'Brokers are down or behind. Until they are back, these events stay in the spool.',
    });
  }
  if (replicas === 1 && brokers > 1) {
    report({
      severity: 'warning',
      place,
      message: `the topic ${name} has one replica: its events are lost with the disk of one broker`,
      advice: 'Give it more replicas.',
    });
  }
}

function checkConfig(
  { place, name }: AskedTopic,
  config: ReadonlyMap<string, string>,
  { producer, spool }: Settings,
  report: Report,
): void {
  const warn = (message: string, advice: string) =>
    report({ severity: 'warning', place, message: `${message} (topic ${name})`, advice });
  const maxBytes = Number(config.get('max.message.bytes') ?? Number.NaN);
  if (maxBytes < producer.maxRequestSize) {
    warn(
      `max.message.bytes is ${maxBytes}, and producer.max_request_size is ${producer.maxRequestSize}: ` +
        'a larger event is sent compressed, and refused with 413 if it does not fit then',
      'Raise max.message.bytes if such events must not be lost.',
    );
  }
  const codec = config.get('compression.type');
  if (codec !== undefined && !READABLE_CODECS.includes(codec)) {
    warn(
      `compression.type is ${codec}: the broker compresses again, whatever kafka.compression says`,
      'Some consumers cannot read this codec. Set compression.type to producer.',
    );
  }
  if (codec === 'uncompressed' && maxBytes < producer.maxRequestSize) {
    warn(
      'compression.type is uncompressed: an event that fits only compressed may be refused',
      'Set compression.type to producer.',
    );
  }
  if (config.get('cleanup.policy')?.includes('compact') === true) {
    warn(
      'cleanup.policy is compact: Kafka keeps only the last event of each key, and all runs of a job have one key',
      'Set cleanup.policy to delete.',
    );
  }
  if (config.get('message.timestamp.type') === 'LogAppendTime') {
    warn(
      'message.timestamp.type is LogAppendTime: records do not have the time of their event',
      'Set it to CreateTime if consumers need that time.',
    );
    return;
  }
  // Before Kafka 3.6 one limit holds both ways. Up to 3.9 it holds where the newer one has its default, which is no limit.
  const isOwn = Number(config.get(BEHIND) ?? Number.NaN) < NO_LIMIT || !config.has(EITHER_WAY);
  const limit = isOwn ? BEHIND : EITHER_WAY;
  const before = Number(config.get(limit) ?? Number.NaN);
  if (before < spool.maxAge) {
    warn(
      `${limit} is ${before}, and spool.max_age is ${spool.maxAge} ms: ` +
        'an older event gets the time of its arrival or sending in place of its own',
      `Raise ${limit} if consumers need the time of the event.`,
    );
  }
}

function partitions(count: number): string {
  return count === 1 ? '1 partition' : `${count} partitions`;
}
