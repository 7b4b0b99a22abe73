/** A proxy whose senders need a key, with a real Kafka; and what its page says to someone who looks why an engine does not arrive. */
import { createHash, createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Broker } from '../../kafka/broker.ts';
import { temporaryFolder } from '../../kafka/folders.ts';
import { createTopic } from '../../kafka/topics.ts';
import { startProxy, type Proxy, type ProxyOptions } from '../../proxy.ts';

/** That of personal tokens. */
export const TOKEN_SECRET = 'a secret of the trials only';

/** Senders by their names. `spark` may write to other namespaces than the one that its job has. */
const SENDERS = ['dbt', 'trino', 'spark'] as const;

export function keyOf(sender: (typeof SENDERS)[number]): string {
  return `h2k_of_${sender}`;
}

/** The settings of such a proxy. */
export function settingsOf(broker: Broker, topic: string): Readonly<Record<string, string>> {
  const senders = join(temporaryFolder('http2kafka-mistakes-'), 'senders.yaml');
  const entries = SENDERS.map((name) => {
    const hash = createHash('sha256').update(keyOf(name)).digest('hex');
    const limit = name === 'spark' ? "    namespaces: ['etl-*']\n" : '';
    return `  - name: ${name}\n    api_keys: ['sha256:${hash}']\n${limit}`;
  });
  writeFileSync(senders, `senders:\n${entries.join('')}`);
  return {
    KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers,
    PRODUCER__MAIN_TOPIC: topic,
    AUTH__SENDERS_FILE: senders,
    AUTH__PERSONAL_TOKENS__ENABLED: 'true',
    AUTH__PERSONAL_TOKENS__SECRET_KEY: TOKEN_SECRET,
    AUTH__PERSONAL_TOKENS__CHECK_REVOCATION: 'false',
  };
}

/** `maxBytes`: the largest record of its topic. */
export async function startScene(
  broker: Broker,
  { maxBytes, ...options }: ProxyOptions & { maxBytes?: number | undefined } = {},
): Promise<Proxy> {
  const topic = `compat.mistakes.${Date.now()}`;
  const configs = maxBytes === undefined ? {} : { 'max.message.bytes': `${maxBytes}` };
  await createTopic(broker.bootstrapServers, { name: topic, configs });
  return startProxy({ ...options, settings: settingsOf(broker, topic) });
}

/** A personal token of Data.Rentgen that ended in August 2025. */
export function expiredToken(): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({
    jti: '01989d2c-7a5e-7b3c-9f10-2a4b6c8d0e1f',
    token_name: 'spark-prod',
    sub_id: 5,
    preferred_username: 'alice',
    scope: 'all:write',
    nbf: 1_754_956_800,
    exp: 1_755_100_000,
    iss: 'data-rentgen',
  })}`;
  return `personal_token_${content}.${createHmac('sha256', TOKEN_SECRET).update(content).digest('base64url')}`;
}

/** A row of "What is refused", as text. */
export interface RefusedRow {
  readonly who: string;
  /** With what to do. */
  readonly why: string;
  /** The headline alone. */
  readonly headline: string;
  readonly howOften: number;
  readonly example: string;
}

export function refusedRows(page: string): readonly RefusedRow[] {
  const section = /<div id="refused">(.*?)<div id="runs">/s.exec(page)?.[1] ?? '';
  return [...section.matchAll(/<tr>\s*(<td.*?)<\/tr>/gs)].map(([, row = '']) => {
    const cells = [...row.matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map(([, cell = '']) => textOf(cell));
    const [who = '', why = '', howOften = '', , example = ''] = cells;
    const headline = textOf(/<strong[^>]*>(.*?)<\/strong>/s.exec(row)?.[1] ?? '');
    return { who, why, headline, howOften: Number(howOften.replaceAll(',', '')), example };
  });
}

function textOf(html: string): string {
  return html
    .replace(/<[^>]*>/g, ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replace(/\s+/g, ' ')
    .trim();
}
