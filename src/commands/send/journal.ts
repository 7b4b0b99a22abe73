/**
 * The journal of a sending: which events have begun, and which have ended. After an interruption, `http2kafka send` with
 * the same files and the same journal goes on behind them. Each line is written before what follows from it happens, so
 * only events whose answer is unknown are sent again. The journal survives the end of the process. It is not synced to
 * disk for each event: after a power cut more events are sent again.
 */
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Type } from 'typebox';
import { Value } from 'typebox/value';

/** How an event has ended: it is kept, or refused for a reason that stays. */
export type Ending = 'kept' | 'refused';

const Head = Type.Object({
  http2kafka_send: Type.Literal(1),
  url: Type.String(),
  files: Type.Array(Type.Object({ file: Type.String(), bytes: Type.Number(), modified: Type.Number() })),
});
type Head = Type.Static<typeof Head>;

/** The first letters of a line. The number of the event follows: its place among all, from 0. */
const BEGUN = '+';
const LETTERS: Readonly<Record<Ending, string>> = { kept: '=', refused: '!' };

export class Journal {
  /** The events that have ended, by their numbers. */
  readonly ended: ReadonlySet<number>;
  /** How many events had begun and have not ended: they are sent again. */
  readonly unknown: number;
  readonly #file: number;

  private constructor(file: number, ended: ReadonlySet<number>, unknown: number) {
    this.#file = file;
    this.ended = ended;
    this.unknown = unknown;
  }

  /**
   * Opens a journal, or begins one.
   * @throws when the file is the journal of another sending, or cannot be read or written; with a message for the user.
   */
  static async open(path: string, url: string, files: readonly string[]): Promise<Journal> {
    const head = await headOf(url, files);
    const ended = new Set<number>();
    let begun = new Set<number>();
    if (existsSync(path)) {
      const [first = '', ...lines] = readFileSync(path, 'utf8').split('\n');
      checkHead(path, first, head);
      begun = readLines(lines, ended);
    }
    const isNew = ended.size === 0 && begun.size === 0;
    const file = openSync(path, isNew ? 'w' : 'a', 0o600);
    // A line that was written half must not be continued.
    writeSync(file, isNew ? `${JSON.stringify(head)}\n` : '\n');
    return new Journal(file, ended, begun.size);
  }

  begin(number: number): void {
    writeSync(this.#file, `${BEGUN}${number}\n`);
  }

  end(number: number, ending: Ending): void {
    writeSync(this.#file, `${LETTERS[ending]}${number}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

async function headOf(url: string, names: readonly string[]): Promise<Head> {
  const files: Head['files'] = [];
  for (const file of names) {
    const { size, mtimeMs } = file === '-' ? { size: -1, mtimeMs: -1 } : await stat(file);
    files.push({ file, bytes: size, modified: Math.floor(mtimeMs) });
  }
  return { http2kafka_send: 1, url, files };
}

function checkHead(path: string, line: string, head: Head): void {
  let found: unknown;
  try {
    found = JSON.parse(line);
  } catch {
    found = undefined;
  }
  if (!Value.Check(Head, found))
    throw new Error(`${path} is not a journal of http2kafka send. Name another file`);
  if (found.url !== head.url) {
    throw new Error(`${path} is the journal of a sending to ${found.url}. Name another file, or remove it`);
  }
  // The events are known by their places, so the files must be the same.
  if (JSON.stringify(found.files) !== JSON.stringify(head.files)) {
    throw new Error(
      `${path} is the journal of other files, or the files have changed. Name another file, or remove it`,
    );
  }
}

/** Notes the events that have ended. Returns those that had only begun. */
function readLines(lines: readonly string[], ended: Set<number>): Set<number> {
  const begun = new Set<number>();
  for (const line of lines) {
    const [, letter, digits] = /^([+=!])(\d+)$/.exec(line) ?? [];
    const number = Number(digits);
    if (letter === undefined) continue;
    if (letter === BEGUN) begun.add(number);
    else {
      begun.delete(number);
      ended.add(number);
    }
  }
  return begun;
}
