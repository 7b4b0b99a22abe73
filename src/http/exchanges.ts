/** Makes the exchange of each request, with its id and its trace. */
import type { Origin } from '../pipeline/arrival.ts';
import type { RequestTrace, Tracing } from '../tracing/port.ts';
import { requestIdOf } from './connection/request-head.ts';
import type { Exchange, HttpRequest, HttpResponse } from './exchange.ts';
import { originOf, type ClientOf } from './origin.ts';
import { servedPaths } from './paths.ts';

export interface ExchangeSettings {
  /** The name of the header for the request's id, in lower case. */
  readonly requestIdHeader: string;
  /** The address of a request's client, for the log. */
  readonly clientOf: ClientOf;
  readonly scheme: 'http' | 'https';
}

export class Exchanges {
  readonly #settings: ExchangeSettings;
  readonly #tracing: Tracing | undefined;
  /** The method `origin` of every exchange. One function for all, because a closure for each would add to its cost. */
  readonly #originOf: (this: Exchange) => Origin;
  /** The method `isGone` of every exchange. */
  readonly #isGone = function (this: Exchange): boolean {
    return this.request.socket.destroyed;
  };

  constructor(settings: ExchangeSettings, tracing: Tracing | undefined) {
    const { clientOf } = settings;
    this.#settings = settings;
    this.#tracing = tracing;
    this.#originOf = function () {
      return originOf(this.request, this.request.url ?? '', clientOf);
    };
  }

  /** The exchange of a request whose head has arrived. `path` is as in the table of paths, if it is there. */
  begin(request: HttpRequest, response: HttpResponse, path: string): Exchange {
    const { headers } = request;
    const traceparent = typeof headers.traceparent === 'string' ? headers.traceparent : undefined;
    const requestId = requestIdOf(request, this.#settings.requestIdHeader);
    return {
      request,
      response,
      path,
      requestId,
      startedAt: performance.now(),
      traceparent,
      // Events are posted. Probes, and a page that asks every few seconds, would only fill the receiver.
      trace:
        this.#tracing && request.method === 'POST'
          ? this.#trace(request, path, requestId, traceparent)
          : undefined,
      known: undefined,
      origin: this.#originOf,
      isGone: this.#isGone,
    };
  }

  #trace(
    { method = '', httpVersion, headers }: HttpRequest,
    path: string,
    requestId: string,
    traceparent: string | undefined,
  ): RequestTrace | undefined {
    return this.#tracing?.request({
      method,
      route: servedPaths.get(path)?.path,
      path,
      scheme: this.#settings.scheme,
      httpVersion,
      userAgent: headers['user-agent'],
      requestId,
      traceparent,
    });
  }
}
