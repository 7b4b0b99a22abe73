import { accessSync, constants, statSync } from 'node:fs';
import type { SettingName, Settings } from './schema.ts';

/** What holds between settings, or between a setting and the machine. What one value may be is its kind's business. */
export interface Rule {
  /** The settings it looks at; a fault names the first. It is skipped when one of them has a fault already. */
  readonly about: readonly [SettingName, ...SettingName[]];
  /** Whether it matters only to a program that is going to serve, not to one that looks at a file of events. */
  readonly serving?: true;
  /** What is wrong, or undefined. `isGiven` tells a value that somebody set from a default. */
  readonly check: (settings: Settings, isGiven: (name: SettingName) => boolean) => string | undefined;
}

export const rules: readonly Rule[] = [
  {
    about: ['queue.max_bytes', 'producer.max_request_size'],
    check: ({ queue, producer }) =>
      when(
        queue.maxBytes < producer.maxRequestSize,
        `${queue.maxBytes} bytes are less than one event may have (producer.max_request_size, ${producer.maxRequestSize} bytes)`,
      ),
  },
  {
    about: ['spool.max_bytes', 'producer.max_request_size'],
    check: ({ spool, producer }) =>
      when(
        spool.maxBytes < producer.maxRequestSize,
        `${spool.maxBytes} bytes are less than one event may have (producer.max_request_size, ${producer.maxRequestSize} bytes)`,
      ),
  },
  {
    about: ['producer.malformed_topic', 'producer.main_topic'],
    check: ({ producer }) =>
      when(
        producer.malformedTopic === producer.mainTopic,
        'the same topic as producer.main_topic, whose consumers could not read what is put aside here',
      ),
  },
  {
    about: ['server.workers'],
    check: ({ server }) =>
      when(
        server.workers !== 1,
        `${server.workers} where only 1 is possible in this version; run several of them behind a load balancer`,
      ),
  },
  {
    about: ['server.uds', 'server.host', 'server.port'],
    check: ({ server }, isGiven) =>
      when(
        server.uds !== undefined && (isGiven('server.host') || isGiven('server.port')),
        'a socket takes the place of server.host and server.port; take away the one or the other',
      ),
  },
  needs('server.ssl_certfile', 'server.ssl_keyfile', ({ server }) => server.sslCertfile),
  needs('server.ssl_keyfile', 'server.ssl_certfile', ({ server }) => server.sslKeyfile),
  needs('server.ssl_keyfile_password', 'server.ssl_keyfile', ({ server }) => server.sslKeyfilePassword),
  needs('server.ssl_ca_certs', 'server.ssl_certfile', ({ server }) => server.sslCaCerts),
  needs(
    'server.ssl_cert_reqs',
    'server.ssl_ca_certs',
    ({ server }) => server.sslCertReqs !== 'none' || undefined,
  ),
  readable('server.ssl_keyfile', ({ server }) => server.sslKeyfile),
  readable('server.ssl_certfile', ({ server }) => server.sslCertfile),
  readable('server.ssl_ca_certs', ({ server }) => server.sslCaCerts),
];

function when(broken: boolean, message: string): string | undefined {
  return broken ? message : undefined;
}

/** The one makes no sense without the other. */
function needs(name: SettingName, other: SettingName, valueOf: (settings: Settings) => unknown): Rule {
  return {
    about: [name, other],
    check: (settings, isGiven) =>
      when(valueOf(settings) !== undefined && !isGiven(other), `needs ${other}, which is not set`),
  };
}

function readable(name: SettingName, pathOf: (settings: Settings) => string | undefined): Rule {
  return {
    about: [name],
    check: (settings) => {
      const path = pathOf(settings);
      return when(
        path !== undefined && !isReadableFile(path),
        `'${path ?? ''}' is not a file that can be read`,
      );
    },
  };
}

function isReadableFile(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
