/** The rules of `kafka.security.oauth.cloud`, and what follows from the names of the brokers. */
import type { Settings } from '../schema/schema.ts';
import { when, type Rule } from './rule.ts';

type Kafka = Settings['kafka'];

const TYPE = 'kafka.security.type';
const PROVIDER = 'kafka.security.oauth.cloud.provider';
const REGION = 'kafka.security.oauth.cloud.region';
const ACCOUNT = 'kafka.security.oauth.cloud.account';
const SCOPE = 'kafka.security.oauth.scope';
const ENDPOINT = 'kafka.security.oauth.token_endpoint';
const TOKEN_FILE = 'kafka.security.oauth.token_file';
const SERVERS = 'kafka.bootstrap_servers';

export const cloudRules: readonly Rule[] = [
  {
    about: [PROVIDER, TYPE],
    check: ({ kafka: { security } }) =>
      when(
        security.oauth.cloud.provider !== undefined && security.type !== 'OAUTHBEARER',
        `has no effect unless ${TYPE} is OAUTHBEARER`,
      ),
  },
  belongsTo('aws', REGION, ({ cloud }) => cloud.region),
  belongsTo('google', ACCOUNT, ({ cloud }) => cloud.account),
  replaces(ENDPOINT, ({ tokenEndpoint }) => tokenEndpoint),
  replaces(TOKEN_FILE, ({ tokenFile }) => tokenFile),
  {
    about: [PROVIDER, REGION, SERVERS],
    check: ({ kafka }) =>
      when(
        kafka.security.oauth.cloud.provider === 'aws' && regionOf(kafka) === undefined,
        `aws needs ${REGION}, which is not set: no name in ${SERVERS} contains a region`,
      ),
  },
  {
    about: [PROVIDER, SCOPE, SERVERS],
    check: ({ kafka }) =>
      when(
        kafka.security.oauth.cloud.provider === 'azure' && scopeOf(kafka) === undefined,
        `azure needs ${SCOPE}, which is not set: no name in ${SERVERS} is a namespace of Event Hubs`,
      ),
  },
];

/** AWS: the region that is set, or the one in the name of a broker: `b-1.name.abc123.c2.kafka.eu-central-1.amazonaws.com`. */
export function regionOf({ bootstrapServers, security }: Kafka): string | undefined {
  const named = /\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?:\d+$/;
  return security.oauth.cloud.region ?? firstGroup(bootstrapServers, named);
}

/** Azure: the scope that is set, or that of the namespace: `name.servicebus.windows.net`, and those of Azure's other clouds. */
export function scopeOf({ bootstrapServers, security }: Kafka): string | undefined {
  const namespace = firstGroup(bootstrapServers, /^([\w-]+\.servicebus\.[\w.-]+):\d+$/);
  return security.oauth.scope ?? (namespace === undefined ? undefined : `https://${namespace}/.default`);
}

function firstGroup(names: readonly string[], pattern: RegExp): string | undefined {
  return names.map((name) => pattern.exec(name.toLowerCase())?.[1]).find((found) => found !== undefined);
}

/** A setting that only one cloud has. */
function belongsTo(
  provider: 'aws' | 'google',
  name: typeof REGION | typeof ACCOUNT,
  valueOf: (oauth: Kafka['security']['oauth']) => unknown,
): Rule {
  return {
    about: [name, PROVIDER],
    check: ({ kafka: { security } }) =>
      when(
        valueOf(security.oauth) !== undefined && security.oauth.cloud.provider !== provider,
        `has no effect unless ${PROVIDER} is ${provider}`,
      ),
  };
}

function replaces(
  other: typeof ENDPOINT | typeof TOKEN_FILE,
  valueOf: (oauth: Kafka['security']['oauth']) => unknown,
): Rule {
  return {
    about: [PROVIDER, other],
    check: ({ kafka: { security } }) =>
      when(
        security.oauth.cloud.provider !== undefined && valueOf(security.oauth) !== undefined,
        `replaces ${other}; remove one of the two`,
      ),
  };
}
