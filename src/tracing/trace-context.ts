/** W3C Trace Context: the header `traceparent`, of requests and of records. */

/** §3.2: version (not ff), trace id and parent id (not all zeros), flags. */
const TRACEPARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})(?<traceId>[0-9a-f]{32})-(?!0{16})(?<spanId>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})$/;

/** The bit of the flags that says that the trace is recorded. */
const SAMPLED = 1;

export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
}

/** Does the text have the form of a `traceparent`? Only such a one goes into a record. */
export function isTraceparent(text: string): boolean {
  return TRACEPARENT.test(text);
}

/** What a `traceparent` names; undefined if the text is none. */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  const { traceId, spanId, flags } = (text === undefined ? null : TRACEPARENT.exec(text))?.groups ?? {};
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

/** Is the trace recorded? */
export function isSampled({ flags }: TraceContext): boolean {
  return (flags & SAMPLED) !== 0;
}

/** The `traceparent` of a span. */
export function formatTraceparent({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
}
