/** The producer of the running program: the machine's time, the real brokers and codecs. */
import type { Logger } from '../../log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { systemTime } from '../../support/time.ts';
import { BrokerClient, type BrokerClientSettings } from '../cluster/broker-client.ts';
import { codecs } from '../wire/compression.ts';
import { Producer, type ProducerSettings } from './producer.ts';

export interface OpenProducerSettings extends ProducerSettings, BrokerClientSettings {}

/** Makes a producer. It opens no connection before `start` or the first record. */
export function openProducer(settings: OpenProducerSettings, metrics: Metrics, log: Logger): Producer {
  const brokers = new BrokerClient(settings, systemTime.monotonic);
  return new Producer(settings, { brokers, time: systemTime, random: Math.random, codecs, metrics, log });
}
