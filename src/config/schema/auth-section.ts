import { section, setting } from './declaration.ts';
import { boolean, duration, integer, list, oneOf, optional, text } from './kind.ts';
import { filePath, url } from './text-kinds.ts';

const minute = 60_000;
const day = 1440 * minute;

const personalTokens = section("Data.Rentgen's personal tokens: `Authorization: Bearer personal_token_…`.", {
  enabled: setting(optional(boolean()), {
    default: undefined,
    description:
      'Whether the proxy accepts personal tokens. Without a value, it accepts them if there is a secret key. With `false` and no other way to authenticate, the proxy refuses all events.',
    dataRentgen: true,
  }),
  secretKey: setting(optional(text()), {
    default: undefined,
    description: 'The key that Data.Rentgen signs the tokens with.',
    secret: true,
    dataRentgen: true,
  }),
  securityAlgorithm: setting(oneOf(['HS256', 'HS384', 'HS512']), {
    default: 'HS256',
    description:
      'The algorithm that Data.Rentgen signs the tokens with. The proxy accepts no other algorithm.',
    dataRentgen: true,
  }),
  checkRevocation: setting(boolean(), {
    default: true,
    description:
      "Whether to check in Data.Rentgen's database (`database.url`) that a token is not revoked. Without this check, a stolen token is valid until it expires.",
  }),
  cacheTtlSeconds: setting(integer({ from: 0, to: 86_400 }, 's'), {
    default: 300,
    description:
      'How long the proxy trusts the answer that a token is not revoked, before it asks the database again.',
    dataRentgen: true,
  }),
  cacheSize: setting(integer({ from: 1, to: 1_000_000 }), {
    default: 500,
    description: 'How many tokens the proxy remembers. A new token replaces the least recently used one.',
    dataRentgen: true,
  }),
  maxDurationDays: setting(integer({ from: 1, to: 36_500 }), {
    default: 366,
    description: 'The longest lifetime that `http2kafka token issue` gives a token, in days.',
    dataRentgen: true,
  }),
  databaseGrace: setting(duration({ from: 0, to: 30 * day }), {
    default: 12 * 60 * minute,
    description:
      'How long the proxy accepts known valid tokens while the database is unavailable. After this time, and for unknown tokens, the answer is 503.',
  }),
});

const oidc = section(
  'Access tokens of an OpenID provider, such as Keycloak: `Authorization: Bearer` and a JWT. The proxy accepts them when `auth.oidc.issuer` is set.',
  {
    issuer: setting(optional(url), {
      default: undefined,
      description:
        'The URL of the provider. The proxy finds its keys through `/.well-known/openid-configuration` below this URL. The claim `iss` of a token must be exactly this text.',
    }),
    audience: setting(list(text()), {
      default: [],
      description: 'The audiences of this proxy. The claim `aud` of a token must contain one of them.',
    }),
    algorithms: setting(
      list(oneOf(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'])),
      {
        default: ['RS256', 'PS256', 'ES256', 'EdDSA'],
        description: 'The signature algorithms that the proxy accepts.',
      },
    ),
    clockSkew: setting(duration({ from: 0, to: 10 * minute }), {
      default: 30_000,
      description: "The largest difference between the provider's clock and the clock of this machine.",
    }),
    nameClaim: setting(optional(text()), {
      default: undefined,
      description:
        'The claim that contains the name of the sender. By default the first that exists of `preferred_username`, `client_id`, `azp` and `sub`. A value that is no name refuses the token.',
    }),
    requiredScope: setting(optional(text()), {
      default: undefined,
      description: 'A scope that a token must have.',
    }),
    caFile: setting(optional(filePath), {
      default: undefined,
      description:
        "Certificates (PEM) of the authorities that sign the provider's certificate. They replace the authorities of the system.",
    }),
  },
);

const clientCertificates = section(
  'TLS certificates of clients, signed by an authority of `server.ssl_ca_certs`.',
  {
    enabled: setting(boolean(), {
      default: false,
      description: 'Whether the proxy accepts a client certificate as a credential.',
    }),
    name: setting(oneOf(['common-name', 'subject', 'san']), {
      default: 'common-name',
      description:
        'The part of the certificate that is the name of the sender. `san` is the first alternative name that is a URI, an e-mail address or a DNS name. `subject` is the whole subject.',
    }),
  },
);

/** Authentication. */
export const auth = section(
  'Authentication. Without any setting here, every client may send events. With several ways to authenticate, the first credential of a request decides: the `Authorization` header, then the certificate.',
  {
    sendersFile: setting(optional(filePath), {
      default: undefined,
      description:
        'YAML or JSON file of senders: their API keys, the namespaces that they may write to, and their rate limits. The proxy reads it again when it has changed and come to rest.',
    }),
    personalTokens,
    oidc,
    clientCertificates,
  },
);

/** Data.Rentgen's database. */
export const database = section(
  "Data.Rentgen's PostgreSQL database. It contains the revoked personal tokens.",
  {
    url: setting(
      optional(
        text('URL', 'postgresql://user:password@host:5432/database', {
          pattern: '^postgres(ql)?(\\+[a-z0-9_]+)?://.+$',
        }),
      ),
      {
        default: undefined,
        description:
          "The URL of the database: `postgresql://user:password@host:5432/database`, or the same in SQLAlchemy's form.",
        secret: true,
        dataRentgen: true,
      },
    ),
  },
);
