import type { CommandDeclaration } from '../command.ts';

/** `http2kafka spool import`: puts exported events into a spool, or hands them to the running proxy. */
export const importEvents: CommandDeclaration = {
  name: 'import',
  description: 'take exported events: through the running proxy, or into the folder where none runs',
  argument: {
    usage: '<file...>',
    description: 'what "http2kafka spool export" wrote, also in gzip; - is standard input',
  },
  options: [
    { usage: '--again', description: 'also events that are in the spool already: they come twice then' },
    { usage: '--json', description: 'print the result as JSON' },
  ],
  settings: ['spool.path', 'spool.max_bytes'],
  shortFlags: { '--folder': '--spool-path' },
  helpAfter:
    'Exit codes: 0 every event is in Kafka or in the spool, 1 some are not, 2 wrong arguments.\n' +
    'Events that have left the spool for Kafka are not recognised: a second import of them makes duplicates.',
  action: async (call) => {
    const loaded = call.settings(true);
    if (!loaded) return 1;
    const { importFiles } = await import('./import-files.ts');
    return importFiles(loaded.settings.spool, call);
  },
};
