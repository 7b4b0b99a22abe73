/**
 * The listener for all requests that post no event. It answers those of monitoring and of the page at `/` itself. All others go to the pages
 * that Fastify serves, which are loaded at the first of them: most proxies never show a page, and start faster so.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { refusal } from '../../errors.ts';
import type { Observer } from '../../pipeline/observer.ts';
import { TokenBucket } from '../../support/token-bucket.ts';
import type { Answers } from '../answer.ts';
import { requestIdOf } from '../connection/request-head.ts';
import { pathOf } from '../paths.ts';
import type { Monitoring } from './monitoring.ts';
import type { Overview } from './overview/overview.ts';
import { discardBody, setPageHeaders, writeRefusal } from './page-answer.ts';

export interface PageListenerSettings {
  /** '' for none. */
  readonly rootPath: string;
  /** The name of the header for the request's id, in lower case. */
  readonly requestIdHeader: string;
  /** True with TLS. Then answers tell browsers to use only HTTPS (`Strict-Transport-Security`). */
  readonly https: boolean;
}

export interface PageListenerParts {
  readonly monitoring: Monitoring;
  /** The page at `/`. Undefined if there is none. */
  readonly overview?: Overview | undefined;
  readonly answers: Answers;
  readonly observer: Observer;
}

const CANNOT_LOAD = refusal('unavailable', 'The page cannot be loaded now');

/** Log lines per second about pages that cannot be loaded. Any client can request them. */
const LINES_A_SECOND = 1;

/**
 * Makes the listener. `load` loads the other pages. If it rejects, e.g. because the process has no open files left,
 * the requests that wait for it are answered 503, and the next request calls it again.
 */
export function pageListener(
  settings: PageListenerSettings,
  { monitoring, overview, answers, observer }: PageListenerParts,
  load: () => Promise<RequestListener>,
): RequestListener {
  const { rootPath, requestIdHeader, https } = settings;
  const lines = new TokenBucket(LINES_A_SECOND);
  let loading: Promise<RequestListener> | undefined;

  const loadAgain = (): Promise<RequestListener> => {
    loading = load();
    loading.catch(() => (loading = undefined));
    return loading;
  };
  const refuse = (request: IncomingMessage, response: ServerResponse, requestId: string, error: unknown) => {
    if (lines.take()) observer.failed(requestId, error);
    setPageHeaders(response, answers, requestId, https);
    discardBody(request, () => writeRefusal(response, CANNOT_LOAD));
  };
  return (request, response) => {
    const path = pathOf(request.url ?? '/', rootPath);
    const requestId = requestIdOf(request, requestIdHeader);
    if (monitoring.serves(path)) {
      setPageHeaders(response, answers, requestId, https);
      monitoring.handle(request, response, path, requestId);
      return;
    }
    if (overview?.serves(request, path) === true) {
      setPageHeaders(response, answers, requestId, https);
      overview.handle(request, response, path, requestId);
      return;
    }
    (loading ?? loadAgain()).then(
      (listener) => listener(request, response),
      (error: unknown) => refuse(request, response, requestId, error),
    );
  };
}
