import type { Fault } from '../configuration-error.ts';

/** What one source says: the flags, the environment, an `.env` file or the configuration file. */
export interface Source {
  /** By the name of the setting. */
  readonly written: ReadonlyMap<string, Written>;
  readonly faults: readonly Fault[];
  /** It could not be read, so that what is not `written` may stand in it all the same. */
  readonly unreadable?: boolean;
}

/** A value as somebody wrote it: text, or from a file any JSON value. */
export interface Written {
  readonly value: unknown;
  /** For people: `HTTP2KAFKA__SERVER__PORT in the environment`. */
  readonly place: string;
  /** Whether it came under Data.Rentgen's name. */
  readonly dataRentgen?: true;
  /** The value is the path of a file that has the secret in it. */
  readonly inFile?: true;
}

export const silentSource: Source = { written: new Map(), faults: [] };

/** Notes what a source says of a setting. A secret both as it is and in a file is a fault: which one is meant? */
export function note(written: Map<string, Written>, faults: Fault[], name: string, value: Written): void {
  const other = written.get(name);
  if (other && other.inFile !== value.inFile) {
    faults.push({
      place: value.place,
      message: `the same secret as ${other.place}; take away the one or the other`,
    });
  } else {
    written.set(name, value);
  }
}
