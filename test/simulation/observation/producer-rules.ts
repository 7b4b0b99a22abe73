/**
 * The rules of an idempotent producer, as a broker sees them (KIP-98). A process that breaks one of them may lose or double
 * records on another day.
 */
import { isAcknowledged, isUncertain, type Sending } from './sendings.ts';

/** What one producer id has sent to one partition. */
interface Line {
  /** The sequence of the next record. */
  next: number;
  /** The last batch, if no broker has acknowledged it. */
  open: Sending | undefined;
  /** It may be in the topic. */
  isUncertain: boolean;
}

export class ProducerRules {
  readonly #lines = new Map<string, Line>();

  /** A batch goes out. Returns which rule that breaks. */
  sent(sending: Sending): string | undefined {
    const line = this.#lineOf(sending);
    const { open } = line;
    const isSame = open !== undefined && sameRecords(open, sending);
    if (sending.sequence !== line.next)
      return `sends ${sending.sequence} after ${line.next} to ${where(sending)}`;
    if (line.isUncertain && !isSame)
      return `sends other records as sequence ${sending.sequence} to ${where(sending)}, where a batch may be written`;
    line.open = sending;
    if (!isSame) line.isUncertain = false;
    return undefined;
  }

  /** The process has heard of a batch. */
  heard(sending: Sending): void {
    const line = this.#lineOf(sending);
    if (line.open !== sending) return;
    if (isAcknowledged(sending)) {
      line.next = (sending.sequence + sending.requestIds.length) % 2 ** 31;
      line.open = undefined;
      line.isUncertain = false;
    } else if (isUncertain(sending)) line.isUncertain = true;
  }

  #lineOf({ topic, partition, producerId, epoch }: Sending): Line {
    const name = [topic, partition, producerId, epoch].join(' ');
    const known = this.#lines.get(name);
    if (known) return known;
    const line: Line = { next: 0, open: undefined, isUncertain: false };
    this.#lines.set(name, line);
    return line;
  }
}

function sameRecords(a: Sending, b: Sending): boolean {
  return (
    a.requestIds.length === b.requestIds.length && a.requestIds.every((id, at) => id === b.requestIds[at])
  );
}

function where({ topic, partition, producerId }: Sending): string {
  return `${topic} ${partition} (producer id ${producerId})`;
}
