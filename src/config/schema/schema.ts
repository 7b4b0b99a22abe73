import { auth, database } from './auth-section.ts';
import { section, setting, type NamesOf, type SettingsOf } from './declaration.ts';
import { check, producer, queue, spool } from './delivery-section.ts';
import { kafka } from './kafka-section.ts';
import { boolean, oneOf } from './kind.ts';
import { routing } from './routing-section.ts';
import { server } from './server-section.ts';

const logging = section('The log of the program, on standard error.', {
  enabled: setting(boolean(), { default: true, description: 'Whether to log at all.', dataRentgen: true }),
  preset: setting(oneOf(['plain', 'colored', 'json']), {
    default: 'plain',
    description:
      'The format of a log line: `plain` for people, `colored` for people at a terminal, `json` for machines.',
    dataRentgen: true,
    flags: [
      { name: '--use-colors', gives: 'colored' },
      { name: '--no-use-colors', gives: 'plain' },
    ],
  }),
  level: setting(
    oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal'], { warning: 'warn', critical: 'fatal' }),
    {
      default: 'info',
      description: 'The lowest level that is logged.',
      flags: [{ name: '--log-level', argument: 'level' }],
    },
  ),
});

/** Every setting of the program, by section. Each setting is declared once, here or in the file of its section. */
export const schema = { kafka, producer, queue, spool, check, routing, auth, database, logging, server };

/** The settings of the program: nested as the schema is, every value present and checked, frozen. */
export type Settings = SettingsOf<typeof schema>;

/** The name of a setting for the user: `server.keep_alive_timeout_s`. */
export type SettingName = NamesOf<typeof schema>;
