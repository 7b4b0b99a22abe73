/** The five codecs of Kafka's record batches. */
import { gzip as gzipCallback, zstdCompressSync } from 'node:zlib';
import { promisify } from 'node:util';
import { compressionsAlgorithms } from '@platformatic/kafka';

const gzip = promisify(gzipCallback);

export type CompressionName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

export interface Codec {
  readonly name: CompressionName;
  /** The lowest three bits of a record batch's attributes. */
  readonly attributes: number;
  /** Compresses the records of a batch. gzip, the slow one, works off the event loop. */
  readonly compress: (records: Buffer) => Buffer | Promise<Buffer>;
}

export const codecs: Readonly<Record<CompressionName, Codec>> = {
  none: { name: 'none', attributes: 0, compress: (records) => records },
  gzip: { name: 'gzip', attributes: 1, compress: (records) => gzip(records) },
  snappy: {
    name: 'snappy',
    attributes: 2,
    compress: (records) => compressionsAlgorithms.snappy.compressSync(records),
  },
  lz4: {
    name: 'lz4',
    attributes: 3,
    compress: (records) => compressionsAlgorithms.lz4.compressSync(records),
  },
  zstd: { name: 'zstd', attributes: 4, compress: (records) => zstdCompressSync(records) },
};
