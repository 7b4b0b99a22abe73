import { section, setting } from './declaration.ts';
import { boolean, integer, list, oneOf, optional, text } from './kind.ts';
import { awsRegion, filePath, hostAndPort, saslExtension, tokenEndpoint } from './text-kinds.ts';

const milliseconds = (from: number) => integer({ from, to: 86_400_000 }, 'ms');

const tls = section(
  'Encryption of the connections to the brokers. The proxy reads every file again for each connection.',
  {
    enabled: setting(boolean(), {
      default: false,
      description: 'Whether to connect to the brokers with TLS.',
    }),
    caFile: setting(optional(filePath), {
      default: undefined,
      description:
        'Certificates (PEM) of the authorities that sign the certificates of the brokers. By default the public authorities that Node trusts.',
    }),
    certFile: setting(optional(filePath), {
      default: undefined,
      description:
        'Certificate of the proxy with its chain (PEM), for brokers that ask for one (mutual TLS).',
    }),
    keyFile: setting(optional(filePath), {
      default: undefined,
      description: 'Private key of that certificate (PEM).',
    }),
    keyPassword: setting(optional(text()), {
      default: undefined,
      description: 'Password of the private key.',
      secret: true,
    }),
  },
);

const assertion = section(
  'The JWT by which the proxy shows to the token endpoint who it is: for `private_key_jwt`, and for the grant `jwt_bearer`.',
  {
    file: setting(optional(filePath), {
      default: undefined,
      description:
        'A file with the JWT. The proxy reads it for each token, so another program can renew it. Workload identity of Kubernetes and Azure does that.',
    }),
    privateKeyFile: setting(optional(filePath), {
      default: undefined,
      description:
        'Private key (PEM) with which the proxy signs the JWT: RS256, ES256, ES384, ES512 or EdDSA, by the kind of the key.',
    }),
    privateKeyPassword: setting(optional(text()), {
      default: undefined,
      description: 'Password of that key.',
      secret: true,
    }),
    keyId: setting(optional(text()), {
      default: undefined,
      description: 'The id of the key at the identity provider: `kid` of the JWT.',
    }),
    issuer: setting(optional(text()), {
      default: undefined,
      description: '`iss` of the JWT. By default the client id.',
    }),
    subject: setting(optional(text()), {
      default: undefined,
      description: '`sub` of the JWT. By default its issuer.',
    }),
    audience: setting(optional(text()), {
      default: undefined,
      description: '`aud` of the JWT. By default the URL of the token endpoint.',
    }),
  },
);

const cloud = section(
  'The cloud that gives the token, by its own library, in place of a token endpoint. The library is an optional package and finds the credentials by itself; `docs/cloud-kafka.md` says where.',
  {
    provider: setting(optional(oneOf(['aws', 'azure', 'google'])), {
      default: undefined,
      description:
        "`aws` for Amazon MSK with IAM, `azure` for Event Hubs with Microsoft Entra ID, `google` for Google's Managed Service for Apache Kafka.",
    }),
    region: setting(optional(awsRegion), {
      default: undefined,
      description: 'AWS: the region of the brokers. By default the region in the name of a bootstrap server.',
    }),
    account: setting(optional(text()), {
      default: undefined,
      description:
        'Google: the e-mail address of the account, where the credentials do not name it. By default the one that they name.',
    }),
  },
);

const oauth = section('The source of the token for `OAUTHBEARER`: a token endpoint, a cloud, or a file.', {
  tokenEndpoint: setting(optional(tokenEndpoint), {
    default: undefined,
    description: 'The URL at which the identity provider issues tokens.',
  }),
  allowHttp: setting(boolean(), {
    default: false,
    description:
      'Whether the token endpoint may be an `http` address beyond this machine. Then everyone on the way can read the client secret and the token.',
  }),
  grant: setting(oneOf(['client_credentials', 'jwt_bearer']), {
    default: 'client_credentials',
    description:
      'What the proxy offers for a token: its own credentials (RFC 6749, 4.4), or an assertion (RFC 7523, 2.1).',
  }),
  clientAuthentication: setting(
    optional(oneOf(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])),
    {
      default: undefined,
      description:
        'How the proxy shows to the token endpoint who it is: the secret in a header, the secret in the body, or a JWT. By default `client_secret_basic`, or `none` without a client secret.',
    },
  ),
  clientId: setting(optional(text()), {
    default: undefined,
    description: 'The client id of the proxy at the identity provider.',
  }),
  clientSecret: setting(optional(text()), {
    default: undefined,
    description: 'The client secret of that client id.',
    secret: true,
  }),
  scope: setting(optional(text()), {
    default: undefined,
    description:
      'Scopes to request, with spaces between them. For Azure by default `https://NAMESPACE.servicebus.windows.net/.default`, by the name of a bootstrap server.',
  }),
  audience: setting(optional(text()), {
    default: undefined,
    description: 'The parameter `audience` of the token request, for identity providers that need it.',
  }),
  caFile: setting(optional(filePath), {
    default: undefined,
    description:
      'Certificates (PEM) of the authorities that sign the certificate of the token endpoint. By default the public authorities that Node trusts.',
  }),
  tokenFile: setting(optional(filePath), {
    default: undefined,
    description:
      'A file with the token (JWT), instead of a token endpoint. The proxy reads it again at each login, so another program can renew it. Kubernetes does that with tokens of service accounts.',
  }),
  assertion,
  cloud,
  extensions: setting(list(saslExtension), {
    default: [],
    description:
      "SASL extensions to send with the token, as `name=value`, for example Confluent Cloud's `logicalCluster` and `identityPoolId`.",
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
      description:
        "The SASL mechanism. `PLAINTEXT` is Data.Rentgen's word for `PLAIN`. It does not switch TLS on or off; see `kafka.security.tls.enabled`.",
      dataRentgen: true,
    },
  ),
  user: setting(optional(text()), {
    default: undefined,
    description: 'User name, for `PLAIN` and `SCRAM`.',
    dataRentgen: true,
  }),
  password: setting(optional(text()), {
    default: undefined,
    description: 'Password of the user, or of the Kerberos principal if there is no keytab.',
    secret: true,
    dataRentgen: true,
  }),
  principal: setting(optional(text()), {
    default: undefined,
    description: 'Kerberos principal of the proxy, for `GSSAPI`.',
    dataRentgen: true,
  }),
  keytab: setting(optional(filePath), {
    default: undefined,
    description: 'Keytab with the key of the principal, instead of a password.',
    dataRentgen: true,
  }),
  realm: setting(optional(text()), {
    default: undefined,
    description: 'Kerberos realm of the principal, if the name of the principal does not contain it.',
    dataRentgen: true,
  }),
  serviceName: setting(text(), {
    default: 'kafka',
    description:
      "First part of the brokers' principals: `kafka` in `kafka/broker-1.example.com@EXAMPLE.COM`.",
    dataRentgen: true,
  }),
  refreshIntervalSeconds: setting(integer({ from: 1, to: 2_000_000 }, 's'), {
    default: 3_600,
    description: 'How often the proxy renews the Kerberos ticket.',
    dataRentgen: true,
  }),
  oauth,
  tls,
});

/** The Kafka cluster. */
export const kafka = section('The Kafka cluster that the proxy writes to, and its connections.', {
  bootstrapServers: setting(list(hostAndPort), {
    default: [],
    description:
      'Brokers that the proxy asks first for the whole cluster. Name several, because one may be unavailable. Without any, events stay in the spool until one is set.',
    dataRentgen: true,
    flags: [{ name: '--bootstrap-servers', argument: 'host:port,…' }],
  }),
  clientId: setting(text(), {
    default: 'http2kafka',
    description: 'The name of this program in the logs, metrics and quotas of the brokers.',
  }),
  compression: setting(oneOf(['none', 'gzip', 'snappy', 'lz4', 'zstd']), {
    default: 'none',
    description:
      'The compression of batches. Every consumer can read `none` and `gzip`; `docs/compatibility.md` lists the others. An event that is too large for its topic goes as gzip, whatever this says. If a broker does not take the codec, the batches of the topic go as gzip, or plain.',
    dataRentgen: true,
  }),
  partitioner: setting(oneOf(['murmur2', 'crc32']), {
    default: 'murmur2',
    description:
      "How the key selects the partition: `murmur2` as in Java clients, `crc32` as in librdkafka's `consistent_random`.",
  }),
  requestTimeoutMs: setting(milliseconds(1), {
    default: 10_000,
    description: 'How long the proxy waits for a broker to answer a request.',
    dataRentgen: true,
  }),
  connectTimeoutMs: setting(milliseconds(1), {
    default: 3_000,
    description:
      'How long the proxy waits for a connection to a broker, including the TLS handshake and the login.',
  }),
  retryBackoffMs: setting(milliseconds(0), {
    default: 100,
    description: 'How long the proxy waits before it retries a failed request.',
    dataRentgen: true,
  }),
  metadataMaxAgeMs: setting(milliseconds(1), {
    default: 300_000,
    description:
      'How long the proxy uses metadata about topics and their leaders, unless a broker reports that they are out of date.',
    dataRentgen: true,
  }),
  connectionsMaxIdleMs: setting(milliseconds(1), {
    default: 540_000,
    description: 'How long an idle connection to a broker stays open.',
    dataRentgen: true,
  }),
  security,
});
