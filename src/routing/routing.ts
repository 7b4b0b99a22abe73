/** Holds the routing rules: those of the settings, or of a file that it reads again when it changes. */
import type { RuleList } from '../config/schema/routing-rule.ts';
import type { Logger } from '../log.ts';
import { BoundedNames } from '../metrics/bounded-names.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { errorText } from '../support/error-text.ts';
import { NO_END_MARK, watchFiles } from '../support/file-watch.ts';
import { RuleSet } from './rule-set.ts';
import { readRulesFile, type RulesFile } from './rules-file.ts';

export interface RoutingSettings {
  /** The rules of the settings. */
  readonly list: RuleList;
  /** The file that has the rules instead. */
  readonly file: string | undefined;
  /** No rule may name this topic: its action for it is another one. */
  readonly deadLetterTopic: string;
}

/** How the file of rules is read and watched. */
export interface RulesFiles {
  /** @throws when the file cannot be read, or a rule is wrong. */
  read(path: string, deadLetterTopic: string): RulesFile;
  /** Calls `onChange` after each change. Returns how to end that. */
  watch(paths: readonly string[], onChange: () => void): () => void;
}

const LOCAL_FILES: RulesFiles = { read: readRulesFile, watch: watchFiles };

/** Most rules with their own label in the metrics. Each value of a label costs the monitoring system a series. */
const MAX_RULE_LABELS = 200;

const INVALID = 'the file of routing rules is invalid: the last valid version stays in use';

export class Routing {
  /** The rules in force; undefined without rules. A field and not a getter: it is read for every event. */
  rules: RuleSet | undefined;
  readonly #settings: RoutingSettings;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #files: RulesFiles;
  readonly #stop: () => void;
  readonly #labels = new BoundedNames(MAX_RULE_LABELS);
  #topics: readonly string[] = [];
  #hasEndMark = false;
  #problem: string | undefined;
  #useTopics: (topics: readonly string[]) => void = () => undefined;

  /** @throws when the file cannot be read or is invalid. */
  constructor(settings: RoutingSettings, metrics: Metrics, log: Logger, files = LOCAL_FILES) {
    const { list, file, deadLetterTopic } = settings;
    this.#settings = settings;
    this.#metrics = metrics;
    this.#log = log;
    this.#files = files;
    this.#stop = file === undefined ? () => undefined : files.watch([file], () => this.#changed());
    const read = file === undefined ? { list, hasEndMark: false } : files.read(file, deadLetterTopic);
    this.#hasEndMark = read.hasEndMark;
    this.#put(read.list);
    metrics.routingFileGood.set(1);
  }

  /** Set while the current file is invalid. Names no path and no content: the log says what is wrong. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The topics that the rules in force name. */
  get topics(): readonly string[] {
    return this.#topics;
  }

  /** Calls `use` with the topics that the rules name, now and after each change. */
  followTopics(use: (topics: readonly string[]) => void): void {
    this.#useTopics = use;
    use(this.#topics);
  }

  close(): void {
    this.#stop();
  }

  /** Reads the file now. Returns false if it is invalid; then the log says why. */
  reload(): boolean {
    const { file, deadLetterTopic } = this.#settings;
    if (file === undefined) return true;
    try {
      const { list, hasEndMark } = this.#files.read(file, deadLetterTopic);
      // A file that is written in its place may be valid before it is whole: then its last rules are missing.
      if (this.#hasEndMark && !hasEndMark) throw new Error(NO_END_MARK);
      this.#hasEndMark = hasEndMark;
      this.#problem = undefined;
      this.#put(list);
    } catch (error) {
      this.#problem = `${INVALID}; see the log`;
      this.#log.error({ file }, `${INVALID}: ${errorText(error)}`);
    }
    this.#metrics.routingFileGood.set(this.#problem === undefined ? 1 : 0);
    return this.#problem === undefined;
  }

  #changed(): void {
    if (!this.reload()) return;
    const { file } = this.#settings;
    const topics = this.#topics;
    this.#log.info({ file, topics }, 'the file of routing rules has changed and was read again');
  }

  /** The topics first: each is watched before the first event goes to it. */
  #put(list: RuleList): void {
    this.#topics = list.topics;
    this.#useTopics(this.#topics);
    this.rules =
      list.rules.length === 0 ? undefined : new RuleSet(list, (name) => this.#labels.labelOf(name));
    for (const { label, action } of this.rules?.rules ?? [])
      this.#metrics.ruleEvents.begin(label, action.kind);
  }
}
