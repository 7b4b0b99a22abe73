/** The table of the paths that the proxy serves. The server, the pages, the OpenAPI document and `docs/` use it. */
export interface ServedPath {
  readonly path: string;
  /** What a client posts to it: one event or a batch. Undefined for a page. */
  readonly takes?: 'event' | 'batch';
  /** What the path is for, for the documentation. */
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
  ping: { path: '/monitoring/ping', about: 'whether the process lives' },
  ready: { path: '/monitoring/ready', about: 'whether the proxy can keep an event, and why it cannot' },
  metrics: { path: '/monitoring/metrics', about: 'metrics for Prometheus' },
  docs: { path: '/docs', about: 'the API as an interactive page' },
  openapi: { path: '/openapi.json', about: 'the API as an OpenAPI 3.1 document' },
} as const satisfies Record<string, ServedPath>;

/** The rows of the table by path. A key is a path exactly as in the table: no query, no slash at its end. */
export const servedPaths: ReadonlyMap<string, ServedPath> = new Map(
  Object.values(paths).map((entry) => [entry.path, entry]),
);

/** True for the paths that monitoring systems poll. */
export function isProbe(path: string): boolean {
  return path.startsWith('/monitoring/');
}

/** The path of a request's URL, as it is in the table: without the query, the root path and a slash at its end. */
export function pathOf(url: string, rootPath: string): string {
  const local = localUrl(url, rootPath);
  const query = local.indexOf('?');
  const path = query === -1 ? local : local.slice(0, query);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/**
 * The URL of a request in origin form, without the root path, and with one slash where its path has several: clients
 * join a base URL that ends with a slash and a path that begins with one. The query stays as it is.
 * The root path itself is `/`. `rootPath` is '' for none.
 */
export function localUrl(url: string, rootPath: string): string {
  const whole = originForm(url);
  const query = whole.indexOf('?');
  let path = query === -1 ? whole : whole.slice(0, query);
  if (path.includes('//')) path = path.replace(/\/{2,}/g, '/');
  if (path === rootPath) path = '/';
  else if (rootPath !== '' && path.startsWith(`${rootPath}/`)) path = path.slice(rootPath.length);
  return query === -1 ? path : path + whole.slice(query);
}

/**
 * The URL of a request in origin form, `/path?query`. RFC 9112 §3.2.2: a server must also accept the absolute form
 * `http://host/path`, which clients send to forward proxies.
 */
export function originForm(url: string): string {
  if (url.startsWith('/')) return url;
  const path = url.replace(/^https?:\/\/[^/?]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
}
