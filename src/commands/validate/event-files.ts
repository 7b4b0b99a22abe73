/** Reads events from files: one event, a JSON array of events, or JSON lines, each also compressed with gzip. */
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { checkText } from '../../openlineage/check.ts';
import { errorCode, errorText } from '../../support/error-text.ts';

/** The bytes of an event, and its place in the file. */
export interface FileEvent {
  readonly bytes: Buffer;
  /** In a JSON array, from 0. */
  readonly index?: number;
  /** In JSON lines, from 1. */
  readonly line?: number;
}

const STANDARD_INPUT = '-';
const LINE_FEED = 0x0a;

/**
 * The events of a file; `-` is standard input. An array is divided as the batch endpoint does it.
 * @throws when the file cannot be read, with a message for the user.
 */
export async function readEvents(file: string): Promise<readonly FileEvent[]> {
  const bytes = await decompressed(await bytesOf(file));
  if (/\.(?:jsonl|ndjson)(?:\.gz)?$/i.test(file)) return linesOf(bytes);
  const { elements, errors } = checkText(bytes);
  if (elements) return elementsOf(bytes, elements);
  if (!errors) return [{ bytes }];
  // Not one JSON text: JSON lines, if the first line is a JSON text and others follow.
  const lines = linesOf(bytes);
  const [first] = lines;
  return first && lines.length > 1 && !checkText(first.bytes).errors ? lines : [{ bytes }];
}

async function bytesOf(file: string): Promise<Buffer> {
  if (file === STANDARD_INPUT) return buffer(process.stdin);
  try {
    return await readFile(file);
  } catch (error) {
    if (errorCode(error) !== 'EISDIR') throw error;
    throw new Error(
      `this is a folder. Name the files in it, for example ${file.replace(/\/*$/, '')}/*.json`,
      {
        cause: error,
      },
    );
  }
}

/** RFC 1952 §2.3.1: the first two bytes of gzip. No JSON text begins with them. */
async function decompressed(bytes: Buffer): Promise<Buffer> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await promisify(gunzip)(bytes);
  } catch (error) {
    throw new Error(`gzip cannot be decompressed: ${errorText(error)}`, { cause: error });
  }
}

function elementsOf(bytes: Buffer, elements: readonly number[] | Uint32Array): FileEvent[] {
  const events: FileEvent[] = [];
  for (let i = 0; i + 1 < elements.length; i += 2) {
    events.push({ index: i / 2, bytes: bytes.subarray(elements[i], elements[i + 1]) });
  }
  return events;
}

/** The lines that are not blank. */
function linesOf(bytes: Buffer): FileEvent[] {
  const events: FileEvent[] = [];
  let line = 0;
  for (let start = 0; start < bytes.length; line += 1) {
    const found = bytes.indexOf(LINE_FEED, start);
    const end = found === -1 ? bytes.length : found;
    const one = bytes.subarray(start, end);
    if (one.some((byte) => byte > 0x20)) events.push({ line: line + 1, bytes: one });
    start = end + 1;
  }
  return events;
}
