/**
 * The produce request, versions 9 to 11 on the wire, which differ only in what their answers may add:
 *
 *     transactional_id acks timeout_ms [name [index records TAG_BUFFER] TAG_BUFFER] TAG_BUFFER
 *
 * The batches are encoded once, beforehand, so that a retry sends the very same bytes.
 */
import { produceV11, ProduceAcks, Writer, type Connection } from '@platformatic/kafka';

type ProduceResponse = produceV11.ProduceResponse;

/** The versions we speak; 9 came with Kafka 2.8. */
export const PRODUCE_VERSIONS = { min: 9, max: produceV11.api.version } as const;

export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Buffer;
}

/** A connection to a leader, and the version of produce requests that it takes. */
export interface RecordConnection {
  readonly connection: Connection;
  readonly produceVersion: number;
}

/**
 * Sends the batches to one broker; resolves with its answer for every partition, errors among them. Rejects when no
 * answer came: then each batch may have been written or not.
 */
export async function produce(
  { connection, produceVersion }: RecordConnection,
  batches: readonly PartitionBatch[],
  timeoutMs: number,
): Promise<ProduceResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<ProduceResponse>();
  connection.send(
    produceV11.api.key,
    produceVersion,
    () => encodeRequest(batches, timeoutMs),
    produceV11.parseResponse,
    true,
    true,
    (error, response) => {
      if (!error && response) resolve(response);
      else {
        // The library makes an error of an answer in which any partition failed; the answer itself is in it.
        const answer = error && 'response' in error ? error.response : undefined;
        if (isProduceResponse(answer)) resolve(answer);
        else reject(error ?? new Error('the broker closed the connection without an answer'));
      }
    },
  );
  return promise;
}

function encodeRequest(batches: readonly PartitionBatch[], timeoutMs: number): Writer {
  return Writer.create()
    .appendString(null)
    .appendInt16(ProduceAcks.ALL)
    .appendInt32(timeoutMs)
    .appendArray([...Map.groupBy(batches, ({ topic }) => topic)], (writer, [topic, partitions]) => {
      writer.appendString(topic).appendArray(partitions, (inner, { partition, bytes }) => {
        // COMPACT_RECORDS: the length plus one, as an unsigned varint.
        inner
          .appendInt32(partition)
          .appendUnsignedVarInt(bytes.length + 1)
          .append(bytes);
      });
    })
    .appendTaggedFields();
}

function isProduceResponse(value: unknown): value is ProduceResponse {
  return (
    typeof value === 'object' && value !== null && 'responses' in value && Array.isArray(value.responses)
  );
}
