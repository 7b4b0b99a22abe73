/**
 * The metrics that have a value from the start. A counter that appears with its first increment hides that increment:
 * Prometheus' `rate` and `increase` need a sample before it. A limit beside its gauge lets an alert tell how full it is.
 */
import { reasons } from '../auth/sender.ts';
import type { Settings } from '../config/schema/schema.ts';
import type { ErrorCode } from '../errors.ts';
import { usualRequests } from '../http/usual-requests.ts';
import { RETRY_REASONS } from '../kafka/error-code.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { consumers } from '../openlineage/consumers/consumer.ts';
import { deviationKinds } from '../openlineage/deviations.ts';
import { namingDeviationKinds } from '../openlineage/naming/naming-search.ts';
import { levelsBeyond } from '../openlineage/levels/level.ts';
import { version } from '../version.ts';

const TAKEN = ['acknowledged', 'spooled', 'dead_letter', 'dropped'];

/** Why an event is refused after its check, or by it. */
const REFUSALS: readonly ErrorCode[] = [
  'forbidden',
  'refused_by_rule',
  'invalid_request',
  'payload_too_large',
  'unavailable',
];

/** Why an event or a whole request is refused before its kind is known. */
const EARLY_REFUSALS: readonly ErrorCode[] = [
  'bad_request',
  'unauthorized',
  'request_timeout',
  'payload_too_large',
  'unsupported_media_type',
  'invalid_request',
  'too_many_requests',
  'unavailable',
];

/** Sets the build, the limits of the settings, and the counters whose labels are known, to their first values. */
export function setInitialMetrics(metrics: Metrics, settings: Settings): void {
  metrics.buildInfo.set({ version, node: process.versions.node }, 1);
  metrics.queueMaxBytes.set(settings.queue.maxBytes);
  metrics.bodyMemoryMaxBytes.set(settings.server.maxBodyMemory);
  metrics.answerMemoryMaxBytes.set(settings.server.maxAnswerMemory);
  metrics.spoolMaxAgeSeconds.set(settings.spool.maxAge / 1000);
  for (const kind of ['run', 'job', 'dataset']) {
    for (const outcome of [...TAKEN, ...REFUSALS]) metrics.events.begin(kind, outcome);
  }
  for (const outcome of ['dead_letter', ...EARLY_REFUSALS]) metrics.events.begin('unknown', outcome);
  for (const check of ['fast_path', 'full_check']) metrics.checks.begin(check);
  for (const consumer of settings.check.consumers) {
    metrics.consumersExamined.begin(consumer);
    for (const reason of consumers[consumer].reasons) metrics.consumersDrop.begin(consumer, reason);
  }
  for (const level of levelsBeyond(settings.check.level)) metrics.levelsRefuse.inc({ level }, 0);
  for (const deviation of Object.keys(namingDeviationKinds)) metrics.namingDeviations.inc({ deviation }, 0);
  for (const deviation of Object.keys(deviationKinds)) metrics.deviations.inc({ deviation }, 0);
  for (const reason of ['network', ...RETRY_REASONS]) metrics.retries.inc({ reason }, 0);
  for (const { path, method, status } of usualRequests(settings.server.spooledStatus, EARLY_REFUSALS)) {
    metrics.requests.begin(path, method, status);
  }
  for (const reason of ['too-large', 'refused']) metrics.deadLetters.inc({ reason }, 0);
}

/** Begins the counters of a proxy that checks its senders. */
export function beginAuthenticationMetrics(metrics: Metrics): void {
  for (const reason of reasons) metrics.authenticationFailures.begin(reason);
}
