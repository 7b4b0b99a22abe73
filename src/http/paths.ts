/** Every path that the proxy serves, in one table. The server, the pages, the API document and the documentation go by it. */
export interface ServedPath {
  readonly path: string;
  /** Events are posted to it, one or a batch. Otherwise it is a page. */
  readonly takes?: 'event' | 'batch';
  /** For the documentation. */
  readonly about: string;
}

export const paths = {
  lineage: {
    path: '/api/v1/lineage',
    takes: 'event',
    about: 'one event; the default path of every OpenLineage client',
  },
  dataRentgen: { path: '/v1/openlineage', takes: 'event', about: "one event; Data.Rentgen's path" },
  root: {
    path: '/',
    takes: 'event',
    about: 'one event; Java clients post here when their URL ends with a slash',
  },
  batch: { path: '/api/v1/lineage/batch', takes: 'batch', about: 'a JSON array of events' },
  ping: { path: '/monitoring/ping', about: 'the process lives' },
  ready: { path: '/monitoring/ready', about: 'the proxy can keep an event, or why it cannot' },
  metrics: { path: '/monitoring/metrics', about: 'metrics for Prometheus' },
  docs: { path: '/docs', about: 'the API as a page to try things on' },
  openapi: { path: '/openapi.json', about: 'the API as an OpenAPI 3.1 document' },
} as const satisfies Record<string, ServedPath>;

/** What is served at a path that is written as in the table; undefined for any other. */
export const servedPaths: ReadonlyMap<string, ServedPath> = new Map(
  Object.values(paths).map((entry) => [entry.path, entry]),
);

/** The path of a request: no query, no root path, no slash at the end. */
export function pathOf(url: string, rootPath: string): string {
  let path = originForm(url);
  const query = path.indexOf('?');
  if (query !== -1) path = path.slice(0, query);
  path = withoutRootPath(path, rootPath);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Takes the root path off the front of a path, or of a URL in origin form. */
export function withoutRootPath(path: string, rootPath: string): string {
  return rootPath !== '' && path.startsWith(`${rootPath}/`) ? path.slice(rootPath.length) : path;
}

/** A server also takes `POST http://host/path`, as a client sends it to a forward proxy (RFC 9112 §3.2.2). */
export function originForm(url: string): string {
  if (url.startsWith('/')) return url;
  const path = url.replace(/^https?:\/\/[^/?]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
}
