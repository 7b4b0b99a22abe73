import { EVENT_FILES, type CommandDeclaration } from './command.ts';

/** `http2kafka route FILE…`: shows where events would go, without sending them. */
export const route: CommandDeclaration = {
  name: 'route',
  description: 'show to which topics the routing rules send the events of files, and why, without Kafka',
  argument: EVENT_FILES,
  options: [
    { usage: '--sender <name>', description: 'the sender of the events, for rules with `sender`' },
    { usage: '--json', description: 'print one JSON object a line for each event' },
  ],
  settings: ['routing.file', 'producer.main_topic', 'check.level'],
  shortFlags: { '--level': '--check-level' },
  helpAfter:
    'The rules are those of routing.rules or routing.file.\n' +
    'Exit codes: 0 no event is refused, 1 an event is not valid or a rule refuses it, or a file cannot be read,\n' +
    '2 wrong arguments.',
  action: async ({ args, options, settings, failed }) => {
    const loaded = settings(true);
    if (!loaded) return 1;
    const { routeFiles } = await import('./route/routed-events.ts');
    const how = { sender: options.get('--sender'), isJson: options.has('--json') };
    return routeFiles(args, loaded.settings, how, failed);
  },
};
