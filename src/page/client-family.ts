/**
 * Which of OpenLineage's clients a request is of, by its header User-Agent. No engine names itself there: Trino, Spark and
 * Flink send with the Java client, whose library calls itself Apache-HttpClient.
 */
export type ClientFamily = 'java' | 'python' | 'go';

const PATTERNS: readonly (readonly [family: ClientFamily, pattern: RegExp])[] = [
  ['java', /^(?:Apache-HttpClient|openlineage-java|Java)\b/i],
  ['python', /^(?:python-|openlineage-python|aiohttp)/i],
  ['go', /^(?:Go-http-client|openlineage-go)/i],
];

/** Undefined for any other program. */
export function familyOf(userAgent: string | undefined): ClientFamily | undefined {
  return userAgent === undefined ? undefined : PATTERNS.find(([, pattern]) => pattern.test(userAgent))?.[0];
}
