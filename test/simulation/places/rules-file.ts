/** The file of routing rules of a day, which an operator changes, and the processes that watch it. */
import { readRules } from '../../../src/config/schema/routing-rule.ts';
import type { RulesFiles } from '../../../src/routing/routing.ts';
import type { RulesFile as Version } from '../../../src/routing/rules-file.ts';
import type { Timer } from '../../../src/support/time.ts';
import type { ProcessTime } from '../process-time.ts';

/** What is in the file: rules as a user writes them, or something that is no list of rules. */
export type Written = readonly object[] | 'broken';

/** Milliseconds until a process has noticed a change, and the file has come to rest. */
const NOTICE_MS = 4000;

interface Watcher {
  readonly time: ProcessTime;
  readonly onChange: () => void;
  timer: Timer | undefined;
}

export class RulesFile {
  #written: Written;
  readonly #watchers = new Set<Watcher>();

  constructor(written: Written) {
    this.#written = written;
  }

  write(written: Written): void {
    this.#written = written;
    for (const watcher of this.#watchers) {
      const { time, onChange } = watcher;
      // It waits until the file has come to rest.
      watcher.timer?.[Symbol.dispose]();
      if (!time.isDead) watcher.timer = time.setTimeout(onChange, NOTICE_MS);
    }
  }

  /** The file as the process of this time reads and watches it. */
  seenBy(time: ProcessTime): RulesFiles {
    return {
      read: (_, deadLetterTopic) => this.read(deadLetterTopic),
      watch: (_, onChange) => {
        const watcher: Watcher = { time, onChange, timer: undefined };
        this.#watchers.add(watcher);
        return () => {
          this.#watchers.delete(watcher);
          watcher.timer?.[Symbol.dispose]();
        };
      },
    };
  }

  /** @throws if it has no list of rules. */
  read(deadLetterTopic: string): Version {
    if (this.#written === 'broken') throw new Error('a list `rules:` was expected');
    const { list, problems } = readRules(this.#written, deadLetterTopic);
    if (problems.length > 0) throw new Error(JSON.stringify(problems));
    return { list, hasEndMark: false };
  }
}
