/**
 * Starts tracing where an exporter is configured. The variables `OTEL_…` are OpenTelemetry's own, and its SDK reads them:
 * exporter, endpoint, headers, sampler, limits, names of the service and its resource.
 */
import type { NodeSDK } from '@opentelemetry/sdk-node';
import type { Logger } from '../log.ts';
import { errorText } from '../support/error-text.ts';
import {
  findPackage,
  MissingPackageError,
  type OptionalPackage,
} from '../support/packages/optional-package.ts';
import { sleep, systemTime } from '../support/time.ts';
import { OpenTelemetry, type Api } from './open-telemetry.ts';
import type { Tracing } from './port.ts';

/** OpenTelemetry's packages, with the versions that were tried. */
export const TRACING_PACKAGE: OptionalPackage = {
  name: '@opentelemetry/sdk-node',
  version: '0.301.0',
  with: ['@opentelemetry/api@1.10.0'],
  folder: 'tracing',
  needer: 'tracing (an OTEL_ variable configures an exporter)',
  page: 'docs/traces.md',
};

/** Milliseconds between two lines on a problem of the exporter, which may have one with each batch. */
const LINE_MS = 60_000;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Do the variables ask for traces? As the specification of the variables says, `otlp` is the exporter where none is named.
 * But without an endpoint that would be this machine, where most have no receiver.
 */
export function asksForTraces(environment: Environment): boolean {
  const of = (name: string) => environment[name]?.trim() ?? '';
  if (of('OTEL_SDK_DISABLED').toLowerCase() === 'true') return false;
  const exporter = of('OTEL_TRACES_EXPORTER');
  if (exporter !== '') return exporter !== 'none';
  return of('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') !== '' || of('OTEL_EXPORTER_OTLP_ENDPOINT') !== '';
}

/**
 * Why traces that are asked for cannot be had: their packages are not installed. Undefined if they are, or if none are
 * asked for.
 */
export function tracingProblem(environment: Environment): string | undefined {
  if (!asksForTraces(environment)) return undefined;
  try {
    findPackage(TRACING_PACKAGE);
    return undefined;
  } catch (error) {
    if (error instanceof MissingPackageError) return error.message;
    throw error;
  }
}

/**
 * Tracing, if the variables ask for it. Without its packages the proxy goes on without traces, and the log says so: events
 * count more.
 */
export function openTracing(environment: Environment, log: Logger): Tracing | undefined {
  if (!asksForTraces(environment)) return undefined;
  try {
    return start(environment, log);
  } catch (error) {
    log.error(`there are no traces: ${errorText(error)}`);
    return undefined;
  }
}

function start(environment: Environment, log: Logger): Tracing {
  const load = findPackage(TRACING_PACKAGE);
  const api: unknown = load('@opentelemetry/api');
  const sdk: unknown = load(TRACING_PACKAGE.name);
  if (!isApi(api) || !isSdk(sdk)) throw new Error(`${TRACING_PACKAGE.name} has another form than expected`);
  logProblems(api, log);
  // Only traces: metrics are for Prometheus, and the log has its own format.
  const node = new sdk.NodeSDK({
    ...(namesService(environment) ? {} : { serviceName: 'http2kafka' }),
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
  });
  node.start();
  const shutdown = async (timeoutMs: number): Promise<void> => {
    const ended = node.shutdown().catch((error: unknown) => tell(error));
    await Promise.race([ended, sleep(systemTime, timeoutMs)]);
  };
  const tell = (error: unknown) => log.warn(`the last traces cannot be sent: ${errorText(error)}`);
  log.info('traces are sent by OpenTelemetry');
  return new OpenTelemetry(api, api.trace.getTracer('http2kafka'), systemTime.wall, shutdown);
}

/** The SDK tells of problems of the exporter through its own log. */
function logProblems(api: Api, log: Logger): void {
  let toldAt = Number.NEGATIVE_INFINITY;
  const warn = (message: string) => {
    const now = systemTime.monotonic.now();
    if (now - toldAt < LINE_MS) return;
    toldAt = now;
    log.warn(`traces: ${message}`);
  };
  const silent = () => undefined;
  const logger = { error: warn, warn, info: silent, debug: silent, verbose: silent };
  api.diag.setLogger(logger, { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true });
}

function namesService({ OTEL_SERVICE_NAME = '', OTEL_RESOURCE_ATTRIBUTES = '' }: Environment): boolean {
  return OTEL_SERVICE_NAME !== '' || /(?:^|,)\s*service\.name=/.test(OTEL_RESOURCE_ATTRIBUTES);
}

function isApi(loaded: unknown): loaded is Api {
  return (
    typeof loaded === 'object' &&
    loaded !== null &&
    ['trace', 'diag', 'ROOT_CONTEXT', 'SpanKind', 'SpanStatusCode', 'DiagLogLevel'].every(
      (name) => name in loaded,
    )
  );
}

function isSdk(loaded: unknown): loaded is { readonly NodeSDK: typeof NodeSDK } {
  return typeof loaded === 'object' && loaded !== null && 'NodeSDK' in loaded;
}
