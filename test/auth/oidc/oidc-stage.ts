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

/** A machine that is busy with other tests may take longer than the time that a sender is given. */
const PATIENT = { patience: LIMIT_MS, answer: LIMIT_MS };

/** So long that a test would end first. */
export const NEVER = 2 ** 31 - 1;

/** What recognises senders by the tokens of one provider, and what can be seen of it. */
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

  /** The sender's name, or why there is none. */
  async verdict(token: string): Promise<string> {
    return verdictOf(await this.oidc.check(token));
  }

  /** Waits until this is what is wrong with the provider; undefined: nothing. */
  untilProblem(problem: string | undefined): Promise<void> {
    return until(() => this.oidc.problem === problem);
  }

  /** Waits until a token is judged so. */
  untilVerdict(token: string, verdict: string): Promise<void> {
    return until(async () => (await this.verdict(token)) === verdict);
  }

  async up(): Promise<string> {
    const text = await this.#metrics.registry.getSingleMetricAsString('http2kafka_oidc_up');
    return text.split('\n').at(-1) ?? '';
  }
}

/** Waits until something is so; rejects when that takes longer than anything here may. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not so within ${LIMIT_MS} ms: ${isSo.toString()}`);
    await sleep(2);
  }
}

/** One that ends with the test. */
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

/** `NAME`, or `REASON: DETAILS`; for what is not answered 401, `CODE REASON: MESSAGE`. */
export function verdictOf({ sender, rejection }: Finding): string {
  if (sender) return sender.name;
  const { reason, refusal } = rejection;
  const { code, message, details } = refusal;
  return code === 'unauthorized' && message === 'Invalid token'
    ? `${reason}: ${String(details)}`
    : `${code} ${reason}: ${message}`;
}

/** Claims of a good token, with others in their place; what is undefined is left out. */
export function claimsFor(issuer: string, others: object = {}): JWTPayload {
  const now = Math.floor(Date.now() / 1000);
  return { iss: issuer, aud: AUDIENCE, sub: 'subject', iat: now, exp: now + 300, ...others };
}
