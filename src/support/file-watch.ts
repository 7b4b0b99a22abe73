/** Detects changes of files: renewed certificates, edited lists of keys. */
import { closeSync, fstatSync, openSync, readFileSync, statSync, type BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/**
 * Milliseconds between polls. The kernel's notifications miss important changes: Kubernetes replaces a symbolic link some folders above
 * the file, and network file systems send no notifications.
 */
const POLL_INTERVAL_MS = 2000;

/**
 * Polls in a row that must find a changed file as it was. A certificate and its key are seldom written in one step, and a writer may
 * pause. What was renamed to its place was written elsewhere. What is written in its place has no sign that it is whole, so it rests
 * for longer.
 */
const REST_POLLS = 2;
const REST_POLLS_IN_PLACE = 4;

/**
 * Calls `onChange` when one of the files was changed, created or removed since the call of this function, and no file has changed any
 * more for some polls. Start the watch before you read the files, and no change is missed. Returns a function that stops the watch.
 * `onChange` must not throw. Keeps no process alive.
 */
export function watchFiles(
  paths: readonly string[],
  onChange: () => void,
  intervalMs = POLL_INTERVAL_MS,
): () => void {
  let known = paths.map((path) => stateOf(statSync(path, { bigint: true, throwIfNoEntry: false })));
  let seen = known;
  let still = 0;
  let stopped = false;
  // Not `statSync`: a network file system that hangs would block all requests.
  const poll = async () => {
    const states = await Promise.all(paths.map(currentState));
    if (stopped) return;
    still = areEqual(states, seen) ? still + 1 : 0;
    seen = states;
    const isInPlace = states.some((state, index) => isWrittenInPlace(state, known[index]));
    if (!areEqual(states, known) && still >= (isInPlace ? REST_POLLS_IN_PLACE : REST_POLLS)) {
      known = states;
      onChange();
    }
    timer = setTimeout(() => void poll(), intervalMs).unref();
  };
  let timer = setTimeout(() => void poll(), intervalMs).unref();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/**
 * The text of a file. A part of a file is often valid YAML, in which what an operator has written last is missing.
 * @throws when it cannot be read, or is being written.
 */
export function readStill(path: string): string {
  const file = openSync(path, 'r');
  try {
    const before = fstatSync(file, { bigint: true });
    const text = readFileSync(file, 'utf8');
    const after = fstatSync(file, { bigint: true });
    if (before.mtimeNs !== after.mtimeNs || before.size !== after.size)
      throw new Error('it is being written');
    return text;
  } finally {
    closeSync(file);
  }
}

/** YAML 1.2 §9.1.2: a line of its own, here the last one. */
const END_MARK = /(?:^|\n)\.\.\.\s*$/;

/** True if a YAML file ends with `...`, the mark for the end of a document. Then it is whole. */
export function hasEndMark(text: string): boolean {
  return END_MARK.test(text);
}

/** Why a version without the mark is not used after one with it. */
export const NO_END_MARK =
  'it does not end with the line "..." as the version in use does, so it is not whole; a restart takes it without that line';

interface State {
  /** Which file it is; empty where there is none. */
  readonly file: string;
  /** Differs after the file was written. */
  readonly content: string;
}

async function currentState(path: string): Promise<State> {
  return stateOf(await stat(path, { bigint: true }).catch(() => undefined));
}

function stateOf(stats: BigIntStats | undefined): State {
  if (!stats) return { file: '', content: '' };
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  return { file: `${dev}:${ino}`, content: `${size}:${mtimeNs}:${ctimeNs}` };
}

function areEqual(some: readonly State[], others: readonly State[]): boolean {
  return some.every(({ file, content }, index) => {
    const other = others[index];
    return other?.file === file && other.content === content;
  });
}

/** True for another content in the same file. */
function isWrittenInPlace({ file, content }: State, before: State | undefined): boolean {
  return file !== '' && before?.file === file && before.content !== content;
}
