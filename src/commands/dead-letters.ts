import type { CommandDeclaration, OptionDeclaration } from './command.ts';

const TOPIC_OPTION: OptionDeclaration = {
  usage: '--topic <topic>',
  description: 'the dead-letter topic, if it is not producer.malformed_topic',
};

const SELECTION_OPTIONS: readonly OptionDeclaration[] = [
  {
    usage: '--since <time>',
    description: 'letters from this time on: 2026-11-29T08:00:00Z, or as an age: 90m, 2h, 7d',
  },
  { usage: '--until <time>', description: 'letters before this time' },
  {
    usage: '--reason <code or pattern>',
    description:
      'letters with this code (missing, too-large, foreign), or with this text in their reason; * is any text',
  },
  { usage: '--sender <pattern>', description: 'letters of this sender; * is any text' },
  {
    usage: '--job <pattern>',
    description: 'letters of this job, as namespace/name; * is any text',
  },
];

/** `http2kafka dead-letters`: what is in the dead-letter topic, why, and how to get it out. */
export const deadLetters: CommandDeclaration = {
  name: 'dead-letters',
  description: 'list, show and replay the events in the dead-letter topic',
  commands: [
    {
      name: 'list',
      description: 'list the letters: where, when, why, of which sender and job; the oldest first',
      isDefault: true,
      options: [
        TOPIC_OPTION,
        ...SELECTION_OPTIONS,
        { usage: '--limit <n>', description: 'at most so many; 0 is all', default: '100' },
        { usage: '--json', description: 'write one JSON object a line for each letter' },
      ],
      settings: ['kafka.bootstrap_servers'],
      helpAfter: 'Exit codes: 0 good, 1 the topic cannot be read, 2 wrong arguments.',
      action: async (call) => (await import('./dead-letters/list.ts')).list(call),
    },
    {
      name: 'show',
      description: 'print letters whole: headers, validation errors and the event',
      argument: {
        usage: '<id...>',
        description: 'the ids that "http2kafka dead-letters list" shows: 0/12',
      },
      options: [
        TOPIC_OPTION,
        { usage: '--json', description: 'write one JSON object a line for each letter' },
      ],
      settings: ['kafka.bootstrap_servers'],
      helpAfter:
        'Exit codes: 0 good, 1 there is no such letter, or the topic cannot be read, 2 wrong arguments.',
      action: async (call) => (await import('./dead-letters/show.ts')).show(call),
    },
    {
      name: 'replay',
      description: 'check the letters again, and send those that are right now to where they belong',
      options: [
        TOPIC_OPTION,
        ...SELECTION_OPTIONS,
        {
          usage: '--foreign',
          description: 'also letters of other programs, as of a consumer: their topic may have them already',
        },
        { usage: '--dry-run', description: 'send nothing: say what would be sent, and what is still wrong' },
        {
          usage: '--group <group>',
          description: 'the consumer group that keeps the progress: no letter is sent twice by one group',
          default: 'http2kafka-dead-letters',
        },
        {
          usage: '--from-beginning',
          description: 'also old letters, where the brokers may have forgotten an earlier replay',
        },
        { usage: '--json', description: 'write one JSON object a line for each letter, and a summary' },
      ],
      settings: ['kafka.bootstrap_servers', 'check.level'],
      shortFlags: { '--level': '--check-level' },
      helpAfter:
        'It needs the ACLs READ for the topic and the group, and WRITE for the transactional id GROUP.TOPIC and the other topics.\n' +
        'Exit codes: 0 no letter is left, 1 letters are still wrong, or the replay has stopped before its end, 2 wrong arguments.',
      action: async (call) => (await import('./dead-letters/replay.ts')).replay(call),
    },
  ],
};
