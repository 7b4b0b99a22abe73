/** Another wall clock for one process, by libfaketime. The monotonic clock is not faked: no operator can set it. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../tools/kafka/folders.ts';

/** Where Debian and Ubuntu have the library (package `libfaketime`). It must suit programs with several threads. */
const LIBRARIES = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map(
  (machine) => `/usr/lib/${machine}/faketime/libfaketimeMT.so.1`,
);

export interface FakeClock {
  /** The variables that the process must get. */
  readonly environment: Readonly<Record<string, string>>;
  /** Sets the clock, also while the process runs, in seconds from the machine's own. */
  set(seconds: number): void;
}

/** Undefined where the library is not installed. */
export function fakeClock(): FakeClock | undefined {
  const library = LIBRARIES.find((path) => existsSync(path));
  if (library === undefined) return undefined;
  const file = join(temporaryFolder('http2kafka-clock-'), 'offset');
  const set = (seconds: number): void => writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  set(0);
  return {
    set,
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
  };
}
