/** Puts together, from the settings, the check of an OpenID provider's access tokens. */
import type { Logger } from 'pino';
import { Oidc } from '../auth/oidc/oidc.ts';
import type { Settings } from '../config/schema/schema.ts';
import type { Metrics } from '../metrics/metrics.ts';

/** The check, begun; undefined where no provider is named. */
export function createOidc({ auth: { oidc } }: Settings, metrics: Metrics, log: Logger): Oidc | undefined {
  const { issuer, algorithms, caFile, audience, clockSkew: clockSkewMs, nameClaim, requiredScope } = oidc;
  if (issuer === undefined) return undefined;
  const settings = { issuer, algorithms, caFile, audience, clockSkewMs, nameClaim, requiredScope };
  const checks = new Oidc(settings, metrics, log);
  checks.start();
  return checks;
}
