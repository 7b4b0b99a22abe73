import { deadLetterTopicError } from '../schema/routing-rule.ts';
import { authRules } from './auth-rules.ts';
import { kafkaRules } from './kafka-rules.ts';
import { pageRules } from './page-rules.ts';
import { needs, readable, when, type Rule } from './rule.ts';

const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** All rules between settings. Those of `auth`, `kafka` and `server.page` are in files of their own. */
export const rules: readonly Rule[] = [
  {
    about: ['queue.max_bytes', 'producer.max_request_size'],
    check: ({ queue, producer }) =>
      when(
        queue.maxBytes < producer.maxRequestSize,
        `${queue.maxBytes} bytes are less than the largest event may have (producer.max_request_size, ${producer.maxRequestSize} bytes)`,
      ),
  },
  {
    about: ['spool.max_bytes', 'producer.max_request_size'],
    check: ({ spool, producer }) =>
      when(
        spool.maxBytes !== undefined && spool.maxBytes < producer.maxRequestSize,
        `${spool.maxBytes} bytes are less than the largest event may have (producer.max_request_size, ${producer.maxRequestSize} bytes)`,
      ),
  },
  {
    about: ['server.max_body_memory', 'producer.max_request_size'],
    check: ({ server, producer }) =>
      when(
        server.maxBodyMemory < producer.maxRequestSize,
        `${server.maxBodyMemory} bytes are less than the largest body may have (producer.max_request_size, ${producer.maxRequestSize} bytes)`,
      ),
  },
  {
    about: ['producer.malformed_topic', 'producer.main_topic'],
    check: ({ producer }) =>
      when(
        producer.malformedTopic === producer.mainTopic,
        'the same topic as producer.main_topic: consumers of that topic cannot read dead letters',
      ),
  },
  {
    about: ['routing.rules', 'producer.malformed_topic'],
    check: ({ routing, producer }) => deadLetterTopicError(routing.rules, producer.malformedTopic),
  },
  {
    about: ['routing.rules', 'routing.file'],
    check: ({ routing }) =>
      when(
        routing.file !== undefined && routing.rules.rules.length > 0,
        'routing.file has the rules; remove one of the two',
      ),
  },
  readable('routing.file', ({ routing }) => routing.file),
  {
    about: ['server.workers'],
    check: ({ server }) =>
      when(
        server.workers !== 1,
        `${server.workers} where only 1 is possible in this version; run several proxies behind a load balancer`,
      ),
  },
  {
    about: ['server.uds', 'server.host', 'server.port'],
    check: ({ server }, isGiven, isFlag) => {
      // The image says in its environment that every address is meant. A user cannot unset that, but can name a socket.
      const ofImage = EVERY_ADDRESS.has(server.host) && !isFlag('server.host');
      return when(
        server.uds !== undefined && ((isGiven('server.host') && !ofImage) || isGiven('server.port')),
        'a socket replaces server.host and server.port; remove one of the two',
      );
    },
  },
  {
    about: ['server.cors.allow_origins', 'server.cors.allow_credentials', 'server.cors.enabled'],
    check: ({ server: { cors } }) =>
      when(
        cors.enabled && cors.allowCredentials && cors.allowOrigins.includes('*'),
        'must name the origins, because server.cors.allow_credentials is true: with *, every page could use the credentials of its reader',
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
  ...pageRules,
  ...authRules,
  ...kafkaRules,
];
