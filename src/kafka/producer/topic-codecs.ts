/**
 * How the batches of one topic are compressed. A broker may not take a codec: Azure Event Hubs takes few, and a broker
 * without a native library fails on snappy or zstd. Then the batches go as gzip, and if that is refused, too, plain.
 */
import type { Logger } from '../../log.ts';
import type { Clock } from '../../support/time.ts';
import type { Codec, CodecName, Codecs, CompressionName } from '../wire/compression.ts';
import { RETRIAL_MS } from '../error-code.ts';

/** So often a batch must be taken plain that was refused compressed, if the broker does not name the compression. */
const STRIKES = 2;

export class TopicCodecs {
  readonly #topic: string;
  readonly #preferred: CodecName | undefined;
  readonly #codecs: Codecs;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** When each was refused, on the monotonic clock. */
  readonly #refused = new Map<CodecName, number>();
  readonly #strikes = new Map<CodecName, number>();
  /** The codecs that the topic does not take, as the log has said. */
  readonly #told = new Set<CodecName>();

  /** `clock` is monotonic. */
  constructor(topic: string, preferred: CompressionName, codecs: Codecs, clock: Clock, log: Logger) {
    this.#topic = topic;
    this.#preferred = preferred === 'none' ? undefined : preferred;
    this.#codecs = codecs;
    this.#clock = clock;
    this.#log = log;
  }

  /** The codec of the next batch; undefined for a plain one. `avoided` are codecs that the batch must not use. */
  ordinary(avoided: ReadonlySet<Codec>): Codec | undefined {
    if (this.#preferred === undefined) return undefined;
    return this.#taken(this.#preferred, avoided) ?? this.#taken('gzip', avoided);
  }

  /**
   * The codec of a batch that is too large otherwise; undefined if there is none. It is gzip: every consumer can read
   * it without another library, and only zstd compresses better.
   */
  strong(avoided: ReadonlySet<Codec>): Codec | undefined {
    return this.#taken('gzip', avoided);
  }

  /** The broker does not take this codec, and says so. `reason` is Kafka's name of the error. */
  refuse(codec: Codec, reason: string): void {
    const name = this.#nameOf(codec);
    if (name === undefined) return;
    this.#refused.set(name, this.#clock.now());
    if (this.#told.has(name)) return;
    this.#told.add(name);
    const next = this.ordinary(new Set()) ?? this.strong(new Set());
    const instead = (next && this.#nameOf(next)) ?? 'none';
    const message = `Kafka takes no ${name} batches of a topic, so they go as ${instead} (kafka.compression)`;
    this.#log.warn({ topic: this.#topic, reason }, message);
  }

  /** A batch was refused with this codec, and taken with a lighter one. This is believed when it comes again. */
  suspect(codec: Codec, reason: string): void {
    const name = this.#nameOf(codec);
    if (name === undefined) return;
    const strikes = (this.#strikes.get(name) ?? 0) + 1;
    this.#strikes.set(name, strikes % STRIKES);
    if (strikes >= STRIKES) this.refuse(codec, reason);
  }

  /** A batch with this codec is in the topic. */
  written(codec: Codec): void {
    if (this.#told.size === 0 && this.#strikes.size === 0) return;
    const name = this.#nameOf(codec);
    if (name === undefined) return;
    this.#strikes.delete(name);
    if (!this.#told.delete(name)) return;
    this.#refused.delete(name);
    this.#log.info({ topic: this.#topic }, `Kafka takes ${name} batches of a topic again`);
  }

  #taken(name: CodecName, avoided: ReadonlySet<Codec>): Codec | undefined {
    const codec = this.#codecs[name];
    if (avoided.has(codec)) return undefined;
    const refusedAt = this.#refused.get(name);
    if (refusedAt === undefined) return codec;
    if (this.#clock.now() - refusedAt < RETRIAL_MS) return undefined;
    this.#refused.delete(name);
    return codec;
  }

  #nameOf(codec: Codec): CodecName | undefined {
    return CODEC_NAMES.find((name) => this.#codecs[name] === codec);
  }
}

const CODEC_NAMES: readonly CodecName[] = ['gzip', 'snappy', 'lz4', 'zstd'];
