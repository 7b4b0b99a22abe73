/**
 * The table of errors: the only place where an error code, its status and its meaning are written down. Error
 * bodies, the OpenAPI document and `docs/api.md` are made from it.
 */
export interface ErrorKind {
  readonly status: number;
  /** The message when the place that refuses has nothing more exact to say. */
  readonly message: string;
  /** May the same request succeed later, unchanged? */
  readonly retriable: boolean;
  /** For the documentation. */
  readonly when: string;
}

const table = {
  bad_request: {
    status: 400,
    message: 'Not a readable HTTP request',
    retriable: false,
    when: 'The request is not HTTP/1.1, can be read in more than one way, or ends before its body does.',
  },
  unauthorized: {
    status: 401,
    message: 'Missing Authorization header',
    retriable: false,
    when: 'The sender is not known: the request carries no credential, or one that is not good. `details` says why.',
  },
  forbidden: {
    status: 403,
    message: 'Not allowed',
    retriable: false,
    when: 'The sender is known, but may not write to the namespace of the job (or dataset). Or a browser posts for a page of another origin.',
  },
  not_found: {
    status: 404,
    message: 'Not found',
    retriable: false,
    when: 'There is nothing at this path.',
  },
  method_not_allowed: {
    status: 405,
    message: 'Method not allowed',
    retriable: false,
    when: 'The path exists, but not for this method. `Allow` says which.',
  },
  request_timeout: {
    status: 408,
    message: 'The request took too long to arrive',
    retriable: true,
    when: 'The headers of the request did not arrive within `server.headers_timeout_s`, or the whole of it within `server.request_timeout_s`.',
  },
  payload_too_large: {
    status: 413,
    message: 'The event is too large',
    retriable: false,
    when: 'The body is larger than `producer.max_request_size`, or the record is larger than its topic takes, or a batch has more than 50,000 elements. The message says both sizes.',
  },
  unsupported_media_type: {
    status: 415,
    message: 'Unsupported media type',
    retriable: false,
    when: '`Content-Type` is not a JSON type, or `Content-Encoding` is not one of identity, gzip, deflate, br, zstd.',
  },
  invalid_request: {
    status: 422,
    message: 'Invalid request',
    retriable: false,
    when: 'The body is not JSON, not UTF-8, or not an OpenLineage event. `details` lists every fault found.',
  },
  too_many_requests: {
    status: 429,
    message: 'Too many requests',
    retriable: true,
    when: 'The sender is over its quota. `Retry-After: 1`.',
  },
  headers_too_large: {
    status: 431,
    message: 'The request headers are too large',
    retriable: false,
    when: 'The request line and headers are larger than `server.max_header_size` (16 KiB), or more than `server.max_headers`.',
  },
  internal: {
    status: 500,
    message: 'Internal error',
    retriable: true,
    when: 'A defect of http2kafka. The log has it under the request id.',
  },
  unavailable: {
    status: 503,
    message: 'The event cannot be kept now',
    retriable: true,
    when: 'The event can be kept neither in Kafka nor on disk: the spool is full or failing, too many events are waiting, too much is being received at once, or the proxy is stopping. Or it cannot be told now who sends it: a database or an OpenID provider is away. `Retry-After: 1`.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof table;

/** Every error code with its status and meaning. */
export const errorTable: Readonly<Record<ErrorCode, ErrorKind>> = table;

/**
 * Why a request, or one event of a batch, is not taken. A plain value, not an Error: nothing reads its stack, and
 * taking one costs more than the refusal itself.
 */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: unknown;
  /** Further response headers, e.g. `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal with the table's own message unless a more exact one is given. */
export function refusal(
  code: ErrorCode,
  message: string = errorTable[code].message,
  details: unknown = null,
  headers?: Readonly<Record<string, string>>,
): Refusal {
  return headers === undefined ? { code, message, details } : { code, message, details, headers };
}

/** The one shape of every error body (Data.Rentgen's, contract section 2). */
export function errorBody({ code, message, details }: Refusal): string {
  return JSON.stringify({ error: { code, message, details } });
}
