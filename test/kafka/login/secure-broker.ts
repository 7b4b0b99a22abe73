import { setScramPassword } from '../../../tools/kafka/users.ts';
import { CertificateAuthority, type Certificate } from '../../../tools/certificates.ts';
import { startBroker, type Broker } from '../../../tools/kafka/broker.ts';
import { needsZooKeeper, type Release } from '../../../tools/kafka/releases.ts';
import { startOidcServer, type OidcServer } from '../../../tools/oidc-server.ts';

/** For SCRAM. It has the characters that SASL's names escape (RFC 5802, 5.1). */
export const USER = 'proxy,1=a';
export const PASSWORD = 'open sesame, =ü"';
/** For PLAIN. */
export const PLAIN_USER = 'proxy';
export const PLAIN_PASSWORD = 'open sesame, =%';
/** Both have characters that a form encodes (RFC 6749, 2.3.1). */
export const CLIENT = { id: 'proxy:1 a', secret: 's%2B+ec/r=t &' };
export const AUDIENCE = 'kafka';
/** Milliseconds after which the listeners `REAUTH` and `OAUTH_REAUTH` require another login. */
export const SESSION_MS = 2000;

export interface SecureBroker {
  readonly broker: Broker;
  readonly authority: CertificateAuthority;
  /** Signed by the authority; the broker knows it as `CN=proxy`. */
  readonly client: Certificate;
  readonly expiredClient: Certificate;
  readonly oidc: OidcServer;
  stop(): Promise<void>;
}

const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
/** Of Kafka's releases with ZooKeeper, and of those without. */
const AUTHORIZERS = {
  zooKeeper: 'kafka.security.authorizer.AclAuthorizer',
  own: 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
};

/** Checks signed tokens: since 3.1, under another name at first. Before, a broker only takes tokens without a signature. */
const VALIDATOR = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler';
const FIRST_VALIDATOR =
  'org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerValidatorCallbackHandler';

const OAUTH = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;';

/** Does a broker of this release check signed tokens? */
export function checksTokens(release?: Release): boolean {
  return release === undefined || release >= '3.1';
}

/** One broker with a listener for each kind of login. Clients of the plain listener are ANONYMOUS and may do all. */
export async function startSecureBroker(release?: Release): Promise<SecureBroker> {
  const authority = await CertificateAuthority.create();
  const stranger = await CertificateAuthority.create('an unknown authority');
  const [server, wrongName, unknown, expired, client, expiredClient] = await Promise.all([
    authority.issue({ name: 'broker', hosts: ['localhost', '127.0.0.1'], use: 'server' }),
    authority.issue({ name: 'broker', hosts: ['kafka.example.com'], use: 'server' }),
    stranger.issue({ name: 'broker', hosts: ['localhost', '127.0.0.1'], use: 'server' }),
    authority.issue({ name: 'broker', hosts: ['127.0.0.1'], use: 'server', until: new Date('2024-01-01') }),
    authority.issue({ name: 'proxy', use: 'client' }),
    authority.issue({ name: 'proxy', use: 'client', until: new Date('2024-01-01') }),
  ]);
  const oidc = await startOidcServer({ clients: [CLIENT], audience: AUDIENCE, certificate: server });
  const broker = await startBroker({
    release,
    jvm: [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${oidc.jwksUri}`],
    listeners: {
      TLS: 'SSL',
      MTLS: 'SSL',
      WRONG_NAME: 'SSL',
      UNKNOWN: 'SSL',
      EXPIRED: 'SSL',
      PLAIN: 'SASL_PLAINTEXT',
      PLAIN_TLS: 'SASL_SSL',
      SCRAM: 'SASL_PLAINTEXT',
      SCRAM_TLS: 'SASL_SSL',
      OAUTH: 'SASL_PLAINTEXT',
      OAUTH_TLS: 'SASL_SSL',
      REAUTH: 'SASL_PLAINTEXT',
      OAUTH_REAUTH: 'SASL_PLAINTEXT',
    },
    properties: {
      'ssl.keystore.type': 'PEM',
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.certificates': authority.pem,
      ...keyStore('ssl', server),
      'listener.name.mtls.ssl.client.auth': 'required',
      'listener.name.mtls.ssl.principal.mapping.rules': 'DEFAULT',
      ...keyStore('listener.name.wrong_name.ssl', wrongName),
      ...keyStore('listener.name.unknown.ssl', unknown),
      ...keyStore('listener.name.expired.ssl', expired),
      ...['plain', 'plain_tls'].reduce((all, name) => ({ ...all, ...plain(name) }), {}),
      ...['scram', 'scram_tls', 'reauth'].reduce((all, name) => ({ ...all, ...scram(name) }), {}),
      ...['oauth', 'oauth_tls', 'oauth_reauth'].reduce(
        (all, name) => ({ ...all, ...oauthListener(name, oidc, release) }),
        {},
      ),
      'listener.name.reauth.connections.max.reauth.ms': String(SESSION_MS),
      'listener.name.oauth_reauth.connections.max.reauth.ms': String(SESSION_MS),
      'authorizer.class.name': needsZooKeeper(release) ? AUTHORIZERS.zooKeeper : AUTHORIZERS.own,
      'super.users': 'User:ANONYMOUS',
      'allow.everyone.if.no.acl.found': 'true',
    },
  });
  await setScramPassword(broker.bootstrapServers, USER, PASSWORD);
  return {
    broker,
    authority,
    client,
    expiredClient,
    oidc,
    stop: async () => {
      await Promise.all([broker.stop(), oidc.stop()]);
    },
  };
}

function keyStore(prefix: string, { pem, keyPem }: Certificate): Record<string, string> {
  return { [`${prefix}.keystore.certificate.chain`]: pem, [`${prefix}.keystore.key`]: keyPem };
}

function plain(listener: string): Record<string, string> {
  return {
    [`listener.name.${listener}.sasl.enabled.mechanisms`]: 'PLAIN',
    [`listener.name.${listener}.plain.sasl.jaas.config`]: `${PLAIN} user_${PLAIN_USER}="${PLAIN_PASSWORD}";`,
  };
}

function scram(listener: string): Record<string, string> {
  return {
    [`listener.name.${listener}.sasl.enabled.mechanisms`]: 'SCRAM-SHA-256,SCRAM-SHA-512',
    [`listener.name.${listener}.scram-sha-256.sasl.jaas.config`]: SCRAM,
    [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`]: SCRAM,
  };
}

/** The properties of a listener with OAUTHBEARER, on which Kafka checks the signature of a JWT, if its release can. */
export function oauthListener(
  listener: string,
  { jwksUri, issuer }: OidcServer,
  release?: Release,
): Record<string, string> {
  const prefix = `listener.name.${listener}`;
  const login = {
    [`${prefix}.sasl.enabled.mechanisms`]: 'OAUTHBEARER',
    [`${prefix}.oauthbearer.sasl.jaas.config`]: OAUTH,
  };
  if (!checksTokens(release)) return login;
  return {
    ...login,
    [`${prefix}.oauthbearer.sasl.server.callback.handler.class`]:
      release === '3.1.2' ? FIRST_VALIDATOR : VALIDATOR,
    [`${prefix}.oauthbearer.sasl.oauthbearer.jwks.endpoint.url`]: jwksUri,
    [`${prefix}.oauthbearer.sasl.oauthbearer.expected.audience`]: AUDIENCE,
    [`${prefix}.oauthbearer.sasl.oauthbearer.expected.issuer`]: issuer,
  };
}
