import { section, setting } from './declaration.ts';
import { boolean, integer, list, oneOf, optional, text } from './kind.ts';
import { filePath, hostAndPort, saslExtension, tokenEndpoint } from './text-kinds.ts';

const milliseconds = (from: number) => integer({ from, to: 86_400_000 }, 'ms');

const tls = section('Encryption of what goes to the brokers. Every file is read anew for each connection.', {
  enabled: setting(boolean(), {
    default: false,
    sentence: 'Speak TLS with the brokers.',
  }),
  caFile: setting(optional(filePath), {
    default: undefined,
    sentence:
      'Certificates of the authorities that sign those of the brokers (PEM). With none, the public ones that Node knows.',
  }),
  certFile: setting(optional(filePath), {
    default: undefined,
    sentence:
      'Certificate that the proxy shows to the brokers, with its chain (PEM), where they ask for one (mutual TLS).',
  }),
  keyFile: setting(optional(filePath), {
    default: undefined,
    sentence: 'Private key of that certificate (PEM).',
  }),
  keyPassword: setting(optional(text()), {
    default: undefined,
    sentence: 'Password of the private key.',
    secret: true,
  }),
});

const oauth = section('Where the token of `OAUTHBEARER` comes from: a token endpoint, or a file.', {
  tokenEndpoint: setting(optional(tokenEndpoint), {
    default: undefined,
    sentence: 'The address at which the identity provider gives out tokens for client credentials.',
  }),
  clientId: setting(optional(text()), {
    default: undefined,
    sentence: 'The name under which the identity provider knows the proxy.',
  }),
  clientSecret: setting(optional(text()), {
    default: undefined,
    sentence: 'The secret that goes with it.',
    secret: true,
  }),
  scope: setting(optional(text()), {
    default: undefined,
    sentence: 'Scopes to ask for, parted by spaces.',
  }),
  audience: setting(optional(text()), {
    default: undefined,
    sentence: 'For whom the token is to be, where the identity provider wants to be told (`audience`).',
  }),
  caFile: setting(optional(filePath), {
    default: undefined,
    sentence:
      'Certificates of the authorities that sign that of the token endpoint (PEM). With none, the public ones that Node knows.',
  }),
  tokenFile: setting(optional(filePath), {
    default: undefined,
    sentence:
      'A file with the token (JWT), in place of a token endpoint. It is read anew at each login, so that another program may renew it, as Kubernetes does with the tokens of service accounts.',
  }),
  extensions: setting(list(saslExtension), {
    default: [],
    sentence:
      "SASL extensions to send with the token, as `name=value`: Confluent Cloud's `logicalCluster` and `identityPoolId`.",
  }),
});

const security = section('How the proxy logs in to the brokers.', {
  type: setting(
    oneOf(['none', 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER', 'GSSAPI'], {
      '': 'none',
      plaintext: 'PLAIN',
    }),
    {
      default: 'none',
      sentence:
        "The SASL mechanism. `PLAINTEXT` is Data.Rentgen's word for `PLAIN`. With TLS or without is for `kafka.security.tls.enabled` to say.",
      dataRentgen: true,
    },
  ),
  user: setting(optional(text()), {
    default: undefined,
    sentence: 'User name, for `PLAIN` and `SCRAM`.',
    dataRentgen: true,
  }),
  password: setting(optional(text()), {
    default: undefined,
    sentence: 'Password of the user, or of the Kerberos principal where there is no keytab.',
    secret: true,
    dataRentgen: true,
  }),
  principal: setting(optional(text()), {
    default: undefined,
    sentence: 'Kerberos principal of the proxy, for `GSSAPI`.',
    dataRentgen: true,
  }),
  keytab: setting(optional(filePath), {
    default: undefined,
    sentence: 'Keytab with the key of the principal, in place of a password.',
    dataRentgen: true,
  }),
  realm: setting(optional(text()), {
    default: undefined,
    sentence: 'Kerberos realm of the principal, where its name does not have it.',
    dataRentgen: true,
  }),
  serviceName: setting(text(), {
    default: 'kafka',
    sentence: "First part of the brokers' principals: `kafka` in `kafka/broker-1.example.com@EXAMPLE.COM`.",
    dataRentgen: true,
  }),
  refreshIntervalSeconds: setting(integer({ from: 1, to: 2_000_000 }, 's'), {
    default: 3_600,
    sentence: 'How often the Kerberos ticket is renewed.',
    dataRentgen: true,
  }),
  oauth,
  tls,
});

/** The cluster that events go to, and how it is spoken to. */
export const kafka = section('The cluster that events go to, and how it is spoken to.', {
  bootstrapServers: setting(list(hostAndPort), {
    default: [],
    sentence:
      'Brokers to ask first for the rest of the cluster; several, so that one may be away. With none, events stay in the spool until there is one.',
    dataRentgen: true,
  }),
  clientId: setting(text(), {
    default: 'http2kafka',
    sentence: 'The name under which brokers know this program, in their logs, metrics and quotas.',
  }),
  compression: setting(oneOf(['none', 'gzip', 'snappy', 'lz4', 'zstd']), {
    default: 'lz4',
    sentence:
      'How batches are compressed. An event too large for its topic is compressed whatever this says.',
    dataRentgen: true,
  }),
  partitioner: setting(oneOf(['murmur2', 'crc32']), {
    default: 'murmur2',
    sentence:
      "How a key chooses its partition: `murmur2` as Java clients do, `crc32` as librdkafka's `consistent_random`.",
  }),
  requestTimeoutMs: setting(milliseconds(1), {
    default: 10_000,
    sentence: 'How long a broker may take to answer one request.',
    dataRentgen: true,
  }),
  connectTimeoutMs: setting(milliseconds(1), {
    default: 3_000,
    sentence: 'How long a broker may take to accept a connection, with the encryption and the login.',
  }),
  retryBackoffMs: setting(milliseconds(0), {
    default: 100,
    sentence: 'How long to wait before the same is tried again.',
    dataRentgen: true,
  }),
  metadataMaxAgeMs: setting(milliseconds(1), {
    default: 300_000,
    sentence:
      'How long leaders and topics are believed to be where they were, unless a broker says otherwise.',
    dataRentgen: true,
  }),
  connectionsMaxIdleMs: setting(milliseconds(1), {
    default: 540_000,
    sentence: 'How long a connection to a broker is kept without use.',
    dataRentgen: true,
  }),
  security,
});
