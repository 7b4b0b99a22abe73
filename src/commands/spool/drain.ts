/** `http2kafka spool drain`: delivers the events of a spool that no proxy uses, and ends when it is empty. */
import type { Settings } from '../../config/schema/schema.ts';
import type { Drained } from '../../proxy/drain.ts';
import { WRONG_USAGE, type CommandCall, type CommandDeclaration } from '../command.ts';
import { eventsOf, withSpool } from './spool-folder.ts';

export const drain: CommandDeclaration = {
  name: 'drain',
  description: 'deliver the events to Kafka without listening, and end when the spool is empty',
  options: [
    { usage: '--timeout <seconds>', description: 'end after so long, even if events are left' },
    { usage: '--json', description: 'print the result as JSON' },
  ],
  settings: [
    'kafka.bootstrap_servers',
    'producer.main_topic',
    'spool.path',
    'logging.level',
    'logging.preset',
  ],
  shortFlags: { '--folder': '--spool-path' },
  helpAfter:
    'No proxy may use the folder. The settings of Kafka are those of the proxy.\n' +
    'Exit codes: 0 the spool is empty, 1 events are left, 2 wrong arguments.',
  action: async (call) => {
    const { options, settings, failed } = call;
    const timeout = Number(options.get('--timeout') ?? MAX_SECONDS);
    if (!(timeout > 0 && timeout <= MAX_SECONDS)) {
      return failed(`error: --timeout is above 0 and at most ${MAX_SECONDS} seconds`, WRONG_USAGE);
    }
    const loaded = settings(true);
    if (!loaded) return 1;
    if (loaded.settings.kafka.bootstrapServers.length === 0) {
      return failed('No Kafka is configured: set kafka.bootstrap_servers (--bootstrap-servers).');
    }
    const { path } = loaded.settings.spool;
    return withSpool(path, failed, () => drainFolder(loaded.settings, timeout * 1000, call));
  },
};

/** Thirty days. A Node timer has 24 days at most, but this one is polled. */
const MAX_SECONDS = 30 * 24 * 60 * 60;

const LINE_INTERVAL_MS = 5000;

async function drainFolder(
  settings: Settings,
  timeoutMs: number,
  { options, failed }: CommandCall,
): Promise<number> {
  const { drainSpool } = await import('../../proxy/drain.ts');
  const { StartError } = await import('../../proxy/start-error.ts');
  let toldAt = performance.now();
  const tell = (left: number) => {
    if (performance.now() - toldAt < LINE_INTERVAL_MS) return;
    toldAt = performance.now();
    console.error(`${eventsOf(left)} left`);
  };
  let drained: Drained;
  try {
    drained = await drainSpool(settings, timeoutMs, tell);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return failed(error.message);
  }
  if (options.has('--json')) console.log(JSON.stringify(drained));
  else for (const line of linesOf(drained, settings.spool.path)) console.log(line);
  return drained.left + drained.parked === 0 ? 0 : 1;
}

function linesOf({ delivered, left, parked, problems }: Drained, path: string): readonly string[] {
  return [
    `${eventsOf(delivered)} delivered, ${left} left in ${path}`,
    ...problems.map((problem) => `  ${problem}`),
    ...(parked > 0 ? [`${eventsOf(parked)} parked: no topic takes them ("spool retry", "spool drop")`] : []),
  ];
}
