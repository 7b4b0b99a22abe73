/** `check-config --connect`: asks everything that the proxy connects to, at the same time, within a limit of time. */
import type { Settings } from '../../config/schema/schema.ts';
import { errorText } from '../../support/error-text.ts';
import { withinTime } from '../../support/time-limit.ts';
import type { Finding, Report } from './finding.ts';
import { checkKafka } from './kafka-check.ts';
import { checkDatabase, checkPageProvider, checkProvider, checkToken } from './service-checks.ts';

/** Milliseconds for all checks: they run at the same time. */
const LIMIT_MS = 10_000;

const tooLate = () => new Error(`the check did not end within ${LIMIT_MS / 1000} s`);

/** All findings, by service. With `create` it makes the topics that are missing. */
export async function checkConnections(settings: Settings, create: boolean): Promise<readonly Finding[]> {
  const checks: readonly (readonly [place: string, check: (report: Report) => Promise<void>])[] = [
    ['kafka.bootstrap_servers', (report) => checkKafka(settings, create, report)],
    ['kafka.security.oauth', (report) => checkToken(settings, report)],
    ['auth.oidc.issuer', (report) => checkProvider(settings, report)],
    ['server.page.oidc.issuer', (report) => checkPageProvider(settings, report)],
    ['database.url', (report) => checkDatabase(settings, report)],
  ];
  const found = await Promise.all(checks.map(([place, check]) => findingsOf(place, check)));
  return found.flat();
}

async function findingsOf(
  place: string,
  check: (report: Report) => Promise<void>,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  try {
    await withinTime(
      check((finding) => findings.push(finding)),
      LIMIT_MS,
      tooLate,
    );
  } catch (error) {
    findings.push({ severity: 'error', place, message: errorText(error) });
  }
  // A copy: a check that is too late may still report.
  return [...findings];
}
