/** How the events of each sender and producer deviate, and what consumers would drop of them, for their owners. */
import type { Sender, Way } from '../auth/sender.ts';
import type { Deviation } from '../openlineage/deviations.ts';
import type { CheckedEvent } from '../openlineage/verdict.ts';
import type { Foreseen } from '../pipeline/foresight.ts';
import type { WatchedSource } from '../pipeline/outcome-watch.ts';
import { kept, MAX_NAME, shown } from './texts.ts';

/** Most pairs of a sender and a producer. The events of further ones count together. */
export const MAX_SOURCES = 500;

/** Most producers of one known sender, so that it takes no row from others. */
export const MAX_OF_SENDER = 20;

/** In place of the hash of a producer: those of a sender that has too many. */
const FURTHER = 'further';

export interface Quality {
  /** `others` without a way: the events of several senders. */
  readonly sender: string | undefined;
  readonly way: Way | undefined;
  readonly producer: string | undefined;
  readonly events: number;
  /** Events by their deviation. */
  readonly deviations: readonly (readonly [deviation: Deviation, events: number])[];
  /** Events that a consumer would drop, by the consumer and its first reason. */
  readonly drops: readonly (readonly [consumer: string, reason: string, events: number])[];
}

class Source implements WatchedSource {
  readonly #sender: string | undefined;
  readonly #way: Way | undefined;
  readonly #producer: string;
  events = 0;
  readonly #deviations = new Map<Deviation, number>();
  readonly #drops = new Map<string, Map<string, number>>();

  constructor(sender: string | undefined, way: Way | undefined, producer: string) {
    this.#sender = sender;
    this.#way = way;
    this.#producer = producer;
  }

  note({ deviations }: CheckedEvent): void {
    this.events += 1;
    for (const deviation of deviations) {
      this.#deviations.set(deviation, (this.#deviations.get(deviation) ?? 0) + 1);
    }
  }

  foreseen({ drops }: Foreseen): void {
    for (const { consumer, reason } of drops) {
      let reasons = this.#drops.get(consumer);
      if (!reasons) this.#drops.set(consumer, (reasons = new Map<string, number>()));
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
  }

  get quality(): Quality {
    const drops = [...this.#drops].flatMap(([consumer, reasons]) =>
      [...reasons].map(([reason, events]) => [consumer, reason, events] as const),
    );
    return {
      sender: this.#sender,
      way: this.#way,
      producer: shown(this.#producer || undefined),
      events: this.events,
      deviations: [...this.#deviations],
      drops,
    };
  }
}

export class QualityTable {
  /**
   * By the way and the name of the sender, then by a hash of the producer's bytes: the text is made once, and no text is made
   * of the first two.
   */
  readonly #sources: Readonly<Record<Way | 'unknown', Map<string, Map<number | typeof FURTHER, Source>>>> = {
    'personal-token': new Map(),
    'api-key': new Map(),
    oidc: new Map(),
    certificate: new Map(),
    unknown: new Map(),
  };
  readonly #others = new Source('others', undefined, '');
  #count = 0;

  note(sender: Sender | undefined, event: CheckedEvent, bytes: Buffer): WatchedSource {
    const source = this.#sourceOf(sender, event, bytes);
    source.note(event);
    return source;
  }

  /** False if events of further senders have no row of their own. */
  get isWhole(): boolean {
    return this.#others.events === 0;
  }

  /** Those with most events first. */
  get all(): readonly Quality[] {
    const sources = Object.values(this.#sources).flatMap((byName) =>
      [...byName.values()].flatMap((bySender) => [...bySender.values()]),
    );
    if (this.#others.events > 0) sources.push(this.#others);
    return sources.map(({ quality }) => quality).sort((a, b) => b.events - a.events);
  }

  #sourceOf(sender: Sender | undefined, event: CheckedEvent, bytes: Buffer): Source {
    const { texts, producerAt, producerEnd } = event;
    const hash = texts
      ? hashOfText(texts.producer ?? '')
      : hashOfBytes(bytes, producerAt, Math.min(producerEnd, producerAt + MAX_NAME));
    const byName = this.#sources[sender?.way ?? 'unknown'];
    const name = sender?.name ?? '';
    let bySender = byName.get(name);
    const known = bySender?.get(hash);
    if (known) return known;
    const isFurther = sender !== undefined && bySender !== undefined && bySender.size >= MAX_OF_SENDER;
    const further = isFurther ? bySender?.get(FURTHER) : undefined;
    if (further) return further;
    if (this.#count >= MAX_SOURCES) return this.#others;
    this.#count += 1;
    if (!bySender) byName.set(name, (bySender = new Map<number | typeof FURTHER, Source>()));
    const producer =
      texts?.producer ?? bytes.toString('utf8', producerAt, Math.min(producerEnd, producerAt + 4 * MAX_NAME));
    const source = new Source(sender?.name, sender?.way, isFurther ? 'further producers' : kept(producer));
    bySender.set(isFurther ? FURTHER : hash, source);
    return source;
  }
}

/** FNV-1a (Fowler, Noll, Vo), as a signed number of 32 bits: V8 keeps it without an object. */
function hashOfBytes(bytes: Buffer, start: number, end: number): number {
  let hash = OFFSET_BASIS;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), PRIME);
  return hash;
}

function hashOfText(text: string): number {
  const bytes = Buffer.from(text.slice(0, MAX_NAME));
  return hashOfBytes(bytes, 0, Math.min(bytes.length, MAX_NAME));
}

const OFFSET_BASIS = 0x811c9dc5 | 0;
const PRIME = 0x01000193;
