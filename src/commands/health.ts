import { WRONG_USAGE, type CommandDeclaration } from './command.ts';

const DEFAULT_TIMEOUT_S = '3';

/** `http2kafka health`: asks a running proxy, for the probes of containers and service managers. */
export const health: CommandDeclaration = {
  name: 'health',
  description: 'ask the running proxy whether it lives, or with --ready whether it can keep events',
  options: [
    { usage: '--ready', description: 'ask /monitoring/ready in place of /monitoring/ping' },
    {
      usage: '--timeout <seconds>',
      description: 'how long to wait for the answer',
      default: DEFAULT_TIMEOUT_S,
    },
    { usage: '--json', description: 'print the answer as JSON' },
  ],
  settings: [
    'server.host',
    'server.port',
    'server.uds',
    'server.root_path',
    'server.ssl_certfile',
    'server.ssl_keyfile',
  ],
  helpAfter:
    'It asks server.monitoring.port where that is set. Flags of serve are not known to it: repeat them, or use the environment.\n' +
    'Exit codes: 0 the answer is 200, 1 any other answer or none, 2 wrong arguments.',
  action: async (call) => {
    const { options, settings, failed } = call;
    const seconds = Number(options.get('--timeout'));
    if (!(seconds > 0 && seconds <= 3600)) {
      return failed('--timeout is a number of seconds, above 0 and at most 3600', WRONG_USAGE);
    }
    const loaded = settings(true);
    if (!loaded) return 1;
    const { askHealth } = await import('./health/ask-health.ts');
    return askHealth(loaded.settings, { isReady: options.has('--ready'), timeoutMs: seconds * 1000 }, call);
  },
};
