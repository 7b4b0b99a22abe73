/**
 * Counts for each topic the records that Kafka never takes, since the last one that it has taken. A few of them are the
 * fault of the records. A row of them shows that nothing gets into the topic, although the brokers answer.
 */

/** So many records refused in a row, and none taken between them, are a problem of the topic. */
const ROW = 3;

interface Row {
  records: number;
  reason: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export class TopicRefusals {
  readonly #rows = new Map<string, Row>();

  /** Kafka never takes a record of the topic. Returns true if that has become a problem of the topic. */
  refused(topic: string, reason: string, now: number): boolean {
    const row = this.#rows.get(topic);
    if (row === undefined) {
      this.#rows.set(topic, { records: 1, reason, since: now });
      return false;
    }
    row.records += 1;
    row.reason = reason;
    return row.records === ROW;
  }

  /** Kafka has taken a record of the topic. Returns true if that has ended a problem of the topic. */
  taken(topic: string): boolean {
    if (this.#rows.size === 0) return false;
    const row = this.#rows.get(topic);
    return row !== undefined && this.#rows.delete(topic) && row.records >= ROW;
  }

  /** Why nothing gets into the topic, in words for an operator; undefined if something does, as far as is known. */
  problemOf(topic: string): string | undefined {
    const row = this.#rows.get(topic);
    if (row === undefined || row.records < ROW) return undefined;
    const since = new Date(row.since).toISOString();
    return `topic ${topic}: Kafka refuses every record, ${row.records} in a row since ${since}: ${row.reason}`;
  }

  /** The reason of the last refusal, if it is a problem of the topic. */
  reasonOf(topic: string): string | undefined {
    const row = this.#rows.get(topic);
    return row === undefined || row.records < ROW ? undefined : row.reason;
  }
}
