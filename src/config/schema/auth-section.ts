import { section, setting } from './declaration.ts';
import { boolean, duration, integer, list, oneOf, optional, text } from './kind.ts';
import { filePath, url } from './text-kinds.ts';

const minute = 60_000;
const day = 1440 * minute;

const personalTokens = section("Data.Rentgen's personal tokens: `Authorization: Bearer personal_token_…`.", {
  enabled: setting(optional(boolean()), {
    default: undefined,
    sentence:
      'Take them. Where this is not said, they are taken if there is a secret key. With `false`, and no other way open, nobody may send.',
    dataRentgen: true,
  }),
  secretKey: setting(optional(text()), {
    default: undefined,
    sentence: 'The key that Data.Rentgen signs them with.',
    secret: true,
    dataRentgen: true,
  }),
  securityAlgorithm: setting(oneOf(['HS256', 'HS384', 'HS512']), {
    default: 'HS256',
    sentence: 'The algorithm that Data.Rentgen signs them with; no other is taken.',
    dataRentgen: true,
  }),
  checkRevocation: setting(boolean(), {
    default: true,
    sentence:
      "Ask Data.Rentgen's database (`database.url`) whether a token is revoked. Without it, one that is stolen is good until it expires.",
  }),
  cacheTtlSeconds: setting(integer({ from: 0, to: 86_400 }, 's'), {
    default: 300,
    sentence: 'How long a token is believed not to be revoked before the database is asked again.',
    dataRentgen: true,
  }),
  cacheSize: setting(integer({ from: 1, to: 1_000_000 }), {
    default: 500,
    sentence: 'How many tokens are remembered; the least recently used go.',
    dataRentgen: true,
  }),
  maxDurationDays: setting(integer({ from: 1, to: 36_500 }), {
    default: 366,
    sentence: 'The longest life that `http2kafka token issue` gives a token.',
    dataRentgen: true,
  }),
  databaseGrace: setting(duration({ from: 0, to: 30 * day }), {
    default: 12 * 60 * minute,
    sentence:
      'How long tokens that were good go on being taken while the database is away. Past it, and for tokens not seen before, events are answered 503.',
  }),
});

const oidc = section(
  'Access tokens of an OpenID provider, such as Keycloak: `Authorization: Bearer` and a JWT. They are taken where there is an issuer.',
  {
    issuer: setting(optional(url), {
      default: undefined,
      sentence:
        'The provider. Its keys are found by `/.well-known/openid-configuration` below it, and `iss` in a token has to be this very text.',
    }),
    audience: setting(list(text()), {
      default: [],
      sentence: 'One of these has to be in `aud` of a token: it is meant for this proxy, then.',
    }),
    algorithms: setting(
      list(oneOf(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'])),
      {
        default: ['RS256', 'PS256', 'ES256', 'EdDSA'],
        sentence: 'The algorithms that a token may be signed with.',
      },
    ),
    clockSkew: setting(duration({ from: 0, to: 10 * minute }), {
      default: 30_000,
      sentence: "How far the provider's clock may be from this machine's.",
    }),
    nameClaim: setting(optional(text()), {
      default: undefined,
      sentence:
        'The claim that names the sender. Where this is not said: `preferred_username`, else `client_id`, else `azp`, else `sub`.',
    }),
    requiredScope: setting(optional(text()), {
      default: undefined,
      sentence: 'A scope that a token has to have.',
    }),
    caFile: setting(optional(filePath), {
      default: undefined,
      sentence: "Certificates of the authorities that sign the provider's (PEM), in place of the system's.",
    }),
  },
);

const clientCertificates = section(
  'TLS certificates of clients, signed by an authority of `server.ssl_ca_certs`.',
  {
    enabled: setting(boolean(), {
      default: false,
      sentence: 'Take a certificate for a credential.',
    }),
    name: setting(oneOf(['common-name', 'subject', 'san']), {
      default: 'common-name',
      sentence:
        'What names the sender: the common name, the whole subject, or the first alternative name that is a URI, an e-mail address or a DNS name.',
    }),
  },
);

/** Who may send events. */
export const auth = section(
  'Who may send events. With nothing in it everyone may. With several ways, the first credential that a request carries decides: its `Authorization` header, then its certificate.',
  {
    sendersFile: setting(optional(filePath), {
      default: undefined,
      sentence:
        'YAML or JSON file of senders: their API keys, the namespaces that they may write to, and how much. It is read again when it changes.',
    }),
    personalTokens,
    oidc,
    clientCertificates,
  },
);

/** Data.Rentgen's database. */
export const database = section("Data.Rentgen's PostgreSQL, which knows what personal tokens are revoked.", {
  url: setting(
    optional(
      text('URL', 'postgresql://user:password@host:5432/database', {
        pattern: '^postgres(ql)?(\\+[a-z0-9_]+)?://.+$',
      }),
    ),
    {
      default: undefined,
      sentence: "Where it is: `postgresql://user:password@host:5432/database`, or SQLAlchemy's form of it.",
      secret: true,
      dataRentgen: true,
    },
  ),
});
