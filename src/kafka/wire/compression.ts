/** The codecs of Kafka's record batches. `none` is not a codec: such a batch calls no compress function. */
import { gzip, zstdCompressSync } from 'node:zlib';
import { promisify } from 'node:util';
import { compressionsAlgorithms } from '@platformatic/kafka';

export type CodecName = 'gzip' | 'snappy' | 'lz4' | 'zstd';

export type CompressionName = 'none' | CodecName;

export interface Codec {
  /** The lowest three bits of a record batch's attributes. */
  readonly attributes: number;
  /** Compresses the records of a batch. */
  readonly compress: (records: Buffer) => Buffer | Promise<Buffer>;
}

export type Codecs = Readonly<Record<CodecName, Codec>>;

const gzipOffLoop = promisify(gzip);

/** The real codecs. gzip is slow, so it does not run on the event loop. */
export const codecs: Codecs = {
  gzip: { attributes: 1, compress: (records) => gzipOffLoop(records) },
  snappy: { attributes: 2, compress: compressionsAlgorithms.snappy.compressSync },
  lz4: { attributes: 3, compress: compressionsAlgorithms.lz4.compressSync },
  zstd: { attributes: 4, compress: (records) => zstdCompressSync(records) },
};
