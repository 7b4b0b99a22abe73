import { onOff, section, setting, shareForEvents, shareOfMemory } from './declaration.ts';
import { boolean, bytes, duration, integer, list, oneOf, optional, text } from './kind.ts';
import {
  address,
  fileMode,
  filePath,
  headerLine,
  headerName,
  method,
  origin,
  pageUser,
  socketPath,
  url,
  urlPath,
} from './text-kinds.ts';

const seconds = integer({ from: 0, to: 86_400 }, 's');

const cors = section('CORS: which pages of other origins may call the proxy from a browser.', {
  enabled: setting(boolean(), {
    default: false,
    description: 'Whether to answer cross-origin requests.',
    dataRentgen: true,
  }),
  allowOrigins: setting(list(origin), {
    default: [],
    description: 'Origins of pages that may call the proxy; `*` allows every origin.',
    dataRentgen: true,
  }),
  allowCredentials: setting(boolean(), {
    default: false,
    description: 'Whether those pages may send cookies and credentials.',
    dataRentgen: true,
  }),
  allowMethods: setting(list(method), {
    default: ['*'],
    description: 'Methods that those pages may use; `*` allows all.',
    dataRentgen: true,
  }),
  allowHeaders: setting(list(headerName), {
    default: ['*'],
    description: 'Request headers that those pages may send; `*` allows all.',
    dataRentgen: true,
  }),
  exposeHeaders: setting(list(headerName), {
    default: ['X-Request-ID', 'X-Application-Version'],
    description: 'Response headers that those pages may read.',
    dataRentgen: true,
  }),
});

const requestId = section('The id of a request, in logs, answers and records.', {
  enabled: setting(boolean(), {
    default: true,
    description: 'Whether the answer contains the id of the request.',
    dataRentgen: true,
  }),
  headerName: setting(headerName, {
    default: 'X-Request-ID',
    description: 'The header with the id, in the request and in the answer.',
    dataRentgen: true,
  }),
});

const applicationVersion = section('The version of http2kafka, in every answer.', {
  enabled: setting(boolean(), {
    default: true,
    description: 'Whether every answer contains the version.',
    dataRentgen: true,
  }),
  headerName: setting(headerName, {
    default: 'X-Application-Version',
    description: 'The header with the version.',
    dataRentgen: true,
  }),
});

const monitoring = section('Metrics for a monitoring system, and a port of their own.', {
  enabled: setting(boolean(), {
    default: true,
    description: 'Whether to serve `/monitoring/metrics`.',
    dataRentgen: true,
  }),
  host: setting(text('address', 'an address or a host name'), {
    default: '127.0.0.1',
    description: 'Address of `server.monitoring.port`.',
  }),
  port: setting(optional(integer({ from: 0, to: 65_535 })), {
    default: undefined,
    description:
      'A second port that serves only `/monitoring/ping`, `ready` and `metrics`, by plain HTTP and without authentication. 0 selects a free port. `server.port` serves them, too.',
  }),
});

const pageLogin = section(
  'Login to the page with accounts of an OpenID provider, beside passwords. It is possible when `server.page.oidc.issuer` is set. Signature algorithms and clock skew are those of `auth.oidc`.',
  {
    issuer: setting(optional(url), {
      default: undefined,
      description:
        'The URL of the provider. It may be that of `auth.oidc.issuer`, or another one. The claim `iss` of an ID token must be exactly this text.',
    }),
    clientId: setting(optional(text()), {
      default: undefined,
      description: 'The id of the proxy at the provider. It is the audience of the ID tokens.',
    }),
    clientSecret: setting(optional(text()), {
      default: undefined,
      description: 'The secret of the proxy at the provider. A public client has none, and PKCE protects it.',
      secret: true,
    }),
    redirectUri: setting(optional(url), {
      default: undefined,
      description:
        'The address that the provider leads back to, as it is registered there: the address of the page for browsers, and `/page/oidc/callback`.',
    }),
    scopes: setting(list(text()), {
      default: ['openid', 'profile'],
      description: 'The scopes to ask for. `openid` must be one of them.',
    }),
    usersClaim: setting(text(), {
      default: 'preferred_username',
      description:
        'The claim that decides who may see the page: a text, or a list such as `groups`. The proxy reads it from the ID token, otherwise from the UserInfo endpoint. `email` counts only with `email_verified`.',
    }),
    users: setting(list(text()), {
      default: [],
      description:
        'Who may see the page: values of that claim. An asterisk stands for any characters. `*` lets in every account of the provider.',
    }),
    caFile: setting(optional(filePath), {
      default: undefined,
      description:
        "Certificates (PEM) of the authorities that sign the provider's certificate. They replace the authorities of the system.",
    }),
  },
);

const page = section('The page at `/`: what arrives, what is refused, and where things stand.', {
  enabled: setting(boolean(), {
    default: true,
    description:
      'Whether to serve the page. Without further settings it is shown only to the machine of the proxy: to a peer on the loopback, by a name of this machine, and without a header of a server that forwards.',
  }),
  onMonitoring: setting(boolean(), {
    default: false,
    description:
      'Whether `server.monitoring.port` serves the page, too. Without `server.page.users` and `server.page.oidc.issuer` everyone who reaches that port may see it.',
  }),
  users: setting(list(pageUser), {
    default: [],
    description:
      'Users who may see the page from other machines, each with the hash of a password, as `http2kafka token page-user` makes them.',
    secret: true,
  }),
  oidc: pageLogin,
  senders: setting(boolean(), {
    default: false,
    description:
      'Whether senders may log in to the page with the API key, the token or the certificate that they post with. Each sees its own part only: events in its `namespaces` of the senders file, or its own events without them, and its own refusals. The port for monitoring does not take them.',
  }),
});

const openapi = section('The documentation of the API.', {
  enabled: setting(boolean(), {
    default: true,
    description: 'Whether to serve `/docs` and `/openapi.json`.',
    dataRentgen: true,
  }),
});

/** The HTTP server. */
export const server = section('The HTTP server: its address, and the limits of connections and requests.', {
  host: setting(text('address', 'an address or a host name'), {
    default: '127.0.0.1',
    description: 'Address to listen on. `0.0.0.0` is every IPv4 address, `::` is every address.',
    flags: [{ name: '--host', argument: 'address' }],
  }),
  port: setting(integer({ from: 0, to: 65_535 }), {
    default: 8002,
    description: 'Port to listen on. 0 selects a free port.',
    flags: [{ name: '--port', argument: 'port' }],
  }),
  uds: setting(optional(socketPath), {
    default: undefined,
    description: 'Unix domain socket to listen on, instead of host and port.',
    flags: [{ name: '--uds', argument: 'path' }],
  }),
  udsMode: setting(fileMode, {
    default: '660',
    description:
      'Mode of the Unix domain socket, in octal. With 660 its owner and its group may connect, with 666 every user of the machine.',
  }),
  rootPath: setting(optional(urlPath), {
    default: undefined,
    description: 'Path under which a server in front of the proxy forwards to it.',
    flags: [{ name: '--root-path', argument: 'path' }],
  }),
  spooledStatus: setting(integer({ from: 201, to: 202 }), {
    default: 201,
    description:
      "Status of the answer to an event that is kept on disk or for the dead-letter topic. The header `X-Delivery` tells them apart with either status. OpenLineage's Go client takes 202 for a failure.",
  }),
  workers: setting(integer({ from: 1, to: 1024 }), {
    default: 1,
    description: 'Number of processes. This version supports only 1.',
    flags: [{ name: '--workers', argument: 'count' }],
  }),
  backlog: setting(integer({ from: 1, to: 65_535 }), {
    default: 2048,
    description: 'Number of connections that the kernel queues until the proxy accepts them.',
    flags: [{ name: '--backlog', argument: 'count' }],
  }),
  limitConcurrency: setting(optional(integer({ from: 1, to: 1_000_000 })), {
    default: undefined,
    description: 'Largest number of requests in flight. The proxy answers 503 to further requests.',
    flags: [{ name: '--limit-concurrency', argument: 'count' }],
  }),
  maxConnections: setting(integer({ from: 1, to: 1_000_000 }), {
    default: 10_000,
    derived: shareOfMemory(
      128 * 1024,
      10_000,
      "one for each 128 KiB of the container's memory, at most 10000",
    ),
    description:
      'Largest number of open connections. A further one takes the place of an idle one, or is answered 503. The number is lower if the process may not open that many files.',
  }),
  maxHeaderSize: setting(bytes({ from: 1024, to: 1024 ** 2 }), {
    default: 16 * 1024,
    description:
      'Largest size of the request line and the headers together. The proxy answers 431 to larger requests.',
  }),
  maxHeaders: setting(integer({ from: 10, to: 10_000 }), {
    default: 100,
    description: 'Largest number of headers in a request. The proxy answers 431 to a request with more.',
  }),
  maxBodyMemory: setting(bytes({ from: 1024, to: 1024 ** 4 }), {
    default: 256 * 1024 ** 2,
    derived: shareForEvents(16, 256 * 1024 ** 2, "a sixteenth of the container's memory, at most 256 MiB"),
    description:
      'Memory for all bodies that the proxy receives, decodes and handles at the same time. A further body waits for 2 s, then the answer is 503. Events that arrive in one piece are always taken.',
  }),
  maxAnswerMemory: setting(bytes({ from: 1024, to: 1024 ** 4 }), {
    default: 64 * 1024 ** 2,
    derived: shareOfMemory(16, 64 * 1024 ** 2, "a sixteenth of the container's memory, at most 64 MiB"),
    description:
      'Memory for all answers that clients have not read yet. Above it, the proxy cuts the connections with the oldest of them.',
  }),
  headersTimeoutS: setting(seconds, {
    default: 10,
    description:
      'How long a client may take to send the headers of a request, or for the TLS handshake. With 0 the limit is `server.request_timeout_s`.',
  }),
  requestTimeoutS: setting(seconds, {
    default: 60,
    description:
      'How long a client may take to send a whole request, and to read an answer. 0 means no limit.',
  }),
  keepAliveTimeoutS: setting(seconds, {
    default: 75,
    description:
      'How long an idle connection stays open. Java clients lose an event if the proxy closes a connection that they used in the last 5 s.',
    flags: [{ name: '--timeout-keep-alive', argument: 'seconds' }],
  }),
  gracefulShutdownTimeoutS: setting(seconds, {
    default: 10,
    description: 'How long the proxy may take to finish the requests and events in flight when it stops.',
    flags: [{ name: '--timeout-graceful-shutdown', argument: 'seconds' }],
  }),
  shutdownDelay: setting(duration({ from: 0, to: 3_600_000 }), {
    default: 0,
    description:
      'How long the proxy still takes new requests after SIGTERM, while `/monitoring/ready` answers 503. Load balancers need this time to send requests elsewhere. It is part of `server.graceful_shutdown_timeout_s`.',
  }),
  accessLog: setting(boolean(), {
    default: false,
    description:
      'Whether to log a line for every request. It is off because it adds up to a fifth to the cost of an event. Refused requests are always logged.',
    flags: onOff('access-log'),
  }),
  accessLogProbes: setting(boolean(), {
    default: true,
    description:
      'Whether the access log has lines for `/monitoring/…`, which monitoring systems poll all the time.',
  }),
  proxyHeaders: setting(boolean(), {
    default: true,
    description:
      'Whether to use the `X-Forwarded-For` header of trusted peers. The log then contains the client that the header names.',
    flags: onOff('proxy-headers'),
  }),
  forwardedAllowIps: setting(list(address), {
    default: ['127.0.0.1'],
    description:
      'The trusted peers: addresses, networks, `unix:` for the peers of a Unix socket, or `*` for all. The proxy uses their `X-Forwarded-For`, and the PROXY protocol where `server.proxy_protocol` says so.',
    flags: [{ name: '--forwarded-allow-ips', argument: 'addresses' }],
  }),
  proxyProtocol: setting(boolean(), {
    default: false,
    description:
      'Whether load balancers among the trusted peers (`server.forwarded_allow_ips`) name their client by the PROXY protocol, version 1 or 2. A trusted peer that sends no such header is the client itself, as a health check is. The listener for monitoring does not read it.',
  }),
  headers: setting(list(headerLine, { commas: false }), {
    default: [],
    description: 'Headers to add to every answer.',
    flags: [{ name: '--header', argument: 'name:value', repeatable: true }],
  }),
  sslKeyfile: setting(optional(filePath), {
    default: undefined,
    description: 'Private key of the TLS certificate (PEM).',
    flags: [{ name: '--ssl-keyfile', argument: 'path' }],
  }),
  sslCertfile: setting(optional(filePath), {
    default: undefined,
    description: 'TLS certificate with its chain (PEM). With it the proxy serves HTTPS.',
    flags: [{ name: '--ssl-certfile', argument: 'path' }],
  }),
  sslKeyfilePassword: setting(optional(text()), {
    default: undefined,
    description:
      'Password of the private key. Every user of the machine can see a flag, so prefer the environment.',
    secret: true,
    flags: [{ name: '--ssl-keyfile-password', argument: 'password' }],
  }),
  sslCaCerts: setting(optional(filePath), {
    default: undefined,
    description: 'Certificates (PEM) of the authorities that sign the certificates of clients.',
    flags: [{ name: '--ssl-ca-certs', argument: 'path' }],
  }),
  sslCertReqs: setting(oneOf(['none', 'optional', 'required'], { 0: 'none', 1: 'optional', 2: 'required' }), {
    default: 'none',
    description: 'Whether a client must send a certificate.',
    flags: [{ name: '--ssl-cert-reqs', argument: 'choice' }],
  }),
  debug: setting(boolean(), {
    default: false,
    description:
      'Whether to log each failed attempt to write to Kafka, too (level `debug`). Answers to clients do not change.',
    dataRentgen: true,
  }),
  cors,
  requestId,
  applicationVersion,
  monitoring,
  page,
  openapi,
});
