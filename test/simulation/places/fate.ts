/** What must become of an event: by the level, and by the rules that are in force when it arrives. */
import type { RuleList } from '../../../src/config/schema/routing-rule.ts';
import { ruleFor } from '../../routing/reference-router.ts';
import type { MadeEvent } from '../event-maker.ts';
import type { ProxySettings } from '../proxy-process.ts';
import { isTaken } from './levels.ts';
import { COPIES, FURTHER_TOPICS } from './topics.ts';

export interface Fate {
  readonly kind: 'topics' | 'dead-letter' | 'refused' | 'dropped';
  /**
   * Where the event belongs: the main topic, if it is one of several. It is the dead-letter topic for an event that is not
   * valid, and the main topic for one that a rule refuses or drops.
   */
  readonly topic: string;
  readonly furtherTopics: readonly string[];
  /** The code of a refusal. */
  readonly code?: 'invalid_request' | 'refused_by_rule';
  /** The rule that decides. */
  readonly rule?: string;
}

/** `rules` are those in force; undefined if there are none. */
export function fateOf(
  event: MadeEvent,
  sender: string,
  { checkLevel, invalid, mainTopic, deadLetterTopic, copied }: ProxySettings,
  rules: RuleList | undefined,
): Fate {
  if (!isTaken(event, checkLevel)) {
    const place = { topic: deadLetterTopic, furtherTopics: [] };
    return invalid === 'dead-letter'
      ? { kind: 'dead-letter', ...place }
      : { kind: 'refused', code: 'invalid_request', ...place };
  }
  const kind = event.shape === 'job' || event.shape === 'dataset' ? event.shape : 'run';
  const found = rules && ruleFor(event.bytes, kind, rules);
  const toMain = { topic: mainTopic, furtherTopics: copied.includes(sender) ? [COPIES] : [] };
  if (!found) return { kind: 'topics', ...toMain };
  const { name: rule, action } = found;
  const nowhere = { topic: mainTopic, furtherTopics: [], rule };
  switch (action.kind) {
    case 'topics':
      return {
        kind: 'topics',
        rule,
        ...(isOnly(action.topics, mainTopic) ? toMain : ordered(action.topics)),
      };
    case 'dead-letter':
      return { kind: 'dead-letter', topic: deadLetterTopic, furtherTopics: [], rule };
    case 'refuse':
      return { kind: 'refused', code: 'refused_by_rule', ...nowhere };
    case 'drop':
      return { kind: 'dropped', ...nowhere };
  }
}

function isOnly(topics: readonly string[], one: string): boolean {
  return topics.length === 1 && topics[0] === one;
}

function ordered(topics: readonly string[]): Pick<Fate, 'topic' | 'furtherTopics'> {
  const topic = topics.find((one) => !FURTHER_TOPICS.includes(one)) ?? topics[0] ?? '';
  return { topic, furtherTopics: topics.filter((one) => one !== topic) };
}
