import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JWTPayload } from 'jose';
import { pino } from 'pino';
import { PROVIDER_TIMES, type ProviderTimes } from '../../../src/auth/oidc/oidc-provider.ts';
import { Oidc, type OidcSettings } from '../../../src/auth/oidc/oidc.ts';
import type { Finding } from '../../../src/auth/sender.ts';
import { createMetrics } from '../../../src/metrics/metrics.ts';

export const AUDIENCE = 'http2kafka';

const LIMIT_MS = 20_000;

/** Long limits: a machine that is busy with other tests may exceed those of the product. */
const PATIENT = { patience: LIMIT_MS, answer: LIMIT_MS };

/** Longer than any test. */
export const NEVER = 2 ** 31 - 1;

/** The check of one provider's tokens, with its log and its metrics. */
export class OidcStage {
  readonly oidc: Oidc;
  readonly log: string[] = [];
  readonly #metrics = createMetrics();

  constructor(issuer: string, settings: Partial<OidcSettings> = {}, times: Partial<ProviderTimes> = {}) {
    const logger = pino({ level: 'debug', base: null }, { write: (line: string) => this.log.push(line) });
    this.oidc = new Oidc(
      {
        issuer,
        audience: [AUDIENCE],
        algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
        clockSkewMs: 0,
        nameClaim: undefined,
        requiredScope: undefined,
        caFile: undefined,
        ...settings,
      },
      this.#metrics,
      logger,
      { ...PROVIDER_TIMES, ...PATIENT, ...times },
    );
    this.oidc.start();
  }

  /** The sender's name, or the reason of the rejection. */
  async verdict(token: string): Promise<string> {
    return verdictOf(await this.oidc.check(token));
  }

  /** Waits until the provider has this problem; undefined for none. */
  untilProblem(problem: string | undefined): Promise<void> {
    return until(() => this.oidc.problem === problem);
  }

  /** Waits until a token has this verdict. */
  untilVerdict(token: string, verdict: string): Promise<void> {
    return until(async () => (await this.verdict(token)) === verdict);
  }

  async up(): Promise<string> {
    const text = await this.#metrics.registry.getSingleMetricAsString('http2kafka_oidc_up');
    return text.split('\n').at(-1) ?? '';
  }
}

/** Waits until a condition holds; rejects after `LIMIT_MS`. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not so within ${LIMIT_MS} ms: ${holds.toString()}`);
    await sleep(2);
  }
}

/** A stage that ends with the test. */
export function oidcStage(
  test: TestContext,
  issuer: string,
  settings?: Partial<OidcSettings>,
  times?: Partial<ProviderTimes>,
): OidcStage {
  const stage = new OidcStage(issuer, settings, times);
  test.after(() => stage.oidc.close());
  return stage;
}

/** `NAME`, or `REASON: DETAILS` for `Invalid token`, or `CODE REASON: MESSAGE`. */
export function verdictOf({ sender, rejection }: Finding): string {
  if (sender) return sender.name;
  const { reason, refusal } = rejection;
  const { code, message, details } = refusal;
  return code === 'unauthorized' && message === 'Invalid token'
    ? `${reason}: ${String(details)}`
    : `${code} ${reason}: ${message}`;
}

/** Claims of a valid token, replaced by `others`; undefined claims are omitted. */
export function claimsFor(issuer: string, others: object = {}): JWTPayload {
  const now = Math.floor(Date.now() / 1000);
  return { iss: issuer, aud: AUDIENCE, sub: 'subject', iat: now, exp: now + 300, ...others };
}
