/**
 * The table of errors. Only this file states the status and the meaning of an error code.
 * Error bodies, the OpenAPI document and `docs/api.md` are made from it.
 */
export interface ErrorKind {
  readonly status: number;
  /** The message for a client when the code that refuses gives no more exact one. */
  readonly message: string;
  /** True if the same request, unchanged, may succeed later. */
  readonly retriable: boolean;
  /** When the error occurs, for the documentation. */
  readonly when: string;
}

const table = {
  bad_request: {
    status: 400,
    message: 'Not a readable HTTP request',
    retriable: false,
    when: 'The bytes are not a request of HTTP/1.1, two servers could read them differently, or they end before the body does.',
  },
  unauthorized: {
    status: 401,
    message: 'Missing Authorization header',
    retriable: false,
    when: 'The sender is not recognised: the request has no credential, or a credential that is not valid. `details` says why.',
  },
  forbidden: {
    status: 403,
    message: 'Not allowed',
    retriable: false,
    when: 'The sender is recognised, but may not write to the namespace of the job (or dataset). Or a browser posts for a page of another origin.',
  },
  refused_by_rule: {
    status: 403,
    message: 'A routing rule refuses the event',
    retriable: false,
    when: 'The event is valid, and a routing rule refuses it. The message has the name of the rule and its reason.',
  },
  not_found: {
    status: 404,
    message: 'Not found',
    retriable: false,
    when: 'The proxy serves nothing at this path.',
  },
  method_not_allowed: {
    status: 405,
    message: 'Method not allowed',
    retriable: false,
    when: 'The path does not take this method. The header `Allow` lists the methods that it takes.',
  },
  request_timeout: {
    status: 408,
    message: 'The request took too long to arrive',
    retriable: true,
    when: 'The headers did not arrive within `server.headers_timeout_s`, or the whole request did not arrive within `server.request_timeout_s`.',
  },
  payload_too_large: {
    status: 413,
    message: 'The event is too large',
    retriable: false,
    when: 'The body is larger than `producer.max_request_size`, the record is larger than its topic takes, or a batch has more than 50,000 elements. The message gives the size and the limit.',
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
    when: 'The body is not JSON, not UTF-8, or not an OpenLineage event. `details` lists every validation error found.',
  },
  too_many_requests: {
    status: 429,
    message: 'Too many requests',
    retriable: true,
    when: 'The sender is over its quota. The answer has `Retry-After: 1`.',
  },
  headers_too_large: {
    status: 431,
    message: 'The request headers are too large',
    retriable: false,
    when: 'The request line and headers are larger than `server.max_header_size` (16 KiB), or the request has more than `server.max_headers` headers.',
  },
  internal: {
    status: 500,
    message: 'Internal error',
    retriable: true,
    when: 'A defect of http2kafka. The log has the error, with the id of the request.',
  },
  unavailable: {
    status: 503,
    message: 'The event cannot be kept now',
    retriable: true,
    when: 'The event cannot be kept now, in Kafka or on disk. The spool is full or fails, too many events wait, too much is being received at once, or the proxy stops. Or the sender cannot be recognised now, because a database or an OpenID provider is unavailable. The answer has `Retry-After: 1`.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof table;

/** Every error code, with its status and meaning. */
export const errorTable: Readonly<Record<ErrorCode, ErrorKind>> = table;

/**
 * Why a request, or one event of a batch, is refused. It is a plain value and not an Error: nothing reads its stack,
 * and recording a stack costs more than the rest of the refusal.
 */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: unknown;
  /** Further headers of the answer, e.g. `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For people who watch, where a code has several causes. The answer does not have it. */
  readonly cause?: Cause;
}

/**
 * - `speaks-tls`, `speaks-no-tls`: the client speaks TLS where the port does not, or the other way round.
 * - `server-certificate`, `client-certificate`: one side does not accept the certificate of the other.
 * - `handshake`: the TLS handshake fails otherwise.
 * - `unset-key`: a word is in the place of a key.
 */
export type Cause =
  'speaks-tls' | 'speaks-no-tls' | 'server-certificate' | 'client-certificate' | 'handshake' | 'unset-key';

/** Makes a refusal. Without `message` it has the message of the table. */
export function refusal(
  code: ErrorCode,
  message: string = errorTable[code].message,
  details: unknown = null,
  headers?: Readonly<Record<string, string>>,
): Refusal {
  return headers === undefined ? { code, message, details } : { code, message, details, headers };
}

/** The JSON body of an error. Every error has this shape; it is Data.Rentgen's. */
export function errorBody({ code, message, details }: Refusal): string {
  return JSON.stringify({ error: { code, message, details } });
}

/** True if the same event, unchanged, may be kept later. */
export function isRetriable({ code }: Refusal): boolean {
  return errorTable[code].retriable;
}
