import { onOff, section, setting } from './declaration.ts';
import { boolean, bytes, integer, list, oneOf, optional, text } from './kind.ts';
import {
  address,
  fileMode,
  filePath,
  headerLine,
  headerName,
  method,
  origin,
  socketPath,
  urlPath,
} from './text-kinds.ts';

const seconds = integer({ from: 0, to: 86_400 }, 's');

const cors = section('Which pages of other origins may call the proxy from a browser.', {
  enabled: setting(boolean(), {
    default: false,
    sentence: 'Answer cross-origin requests.',
    dataRentgen: true,
  }),
  allowOrigins: setting(list(origin), {
    default: [],
    sentence: 'Origins whose pages may call; `*` lets every page.',
    dataRentgen: true,
  }),
  allowCredentials: setting(boolean(), {
    default: false,
    sentence: 'Let those pages send cookies and credentials.',
    dataRentgen: true,
  }),
  allowMethods: setting(list(method), {
    default: ['*'],
    sentence: 'Methods that those pages may use; `*` for all.',
    dataRentgen: true,
  }),
  allowHeaders: setting(list(headerName), {
    default: ['*'],
    sentence: 'Request headers that those pages may send; `*` for all.',
    dataRentgen: true,
  }),
  exposeHeaders: setting(list(headerName), {
    default: ['X-Request-ID', 'X-Application-Version'],
    sentence: 'Headers of an answer that those pages may read.',
    dataRentgen: true,
  }),
});

const requestId = section('The name by which a request is found again in logs, answers and records.', {
  enabled: setting(boolean(), {
    default: true,
    sentence: 'Echo the id of a request in its answer.',
    dataRentgen: true,
  }),
  headerName: setting(headerName, {
    default: 'X-Request-ID',
    sentence: 'The header that carries the id, in the request and in the answer.',
    dataRentgen: true,
  }),
});

const applicationVersion = section('The version of http2kafka, on every answer.', {
  enabled: setting(boolean(), {
    default: true,
    sentence: 'Name the version in every answer.',
    dataRentgen: true,
  }),
  headerName: setting(headerName, {
    default: 'X-Application-Version',
    sentence: 'The header that carries the version.',
    dataRentgen: true,
  }),
});

const monitoring = section('What a monitoring system asks for.', {
  enabled: setting(boolean(), {
    default: true,
    sentence: 'Serve `/monitoring/metrics`.',
    dataRentgen: true,
  }),
});

const openapi = section('The page that describes the API.', {
  enabled: setting(boolean(), {
    default: true,
    sentence: 'Serve `/docs` and `/openapi.json`.',
    dataRentgen: true,
  }),
});

/** Where the proxy listens, and how it treats connections and requests. */
export const server = section('Where the proxy listens, and how it treats connections and requests.', {
  host: setting(text('address', 'an address or a host name'), {
    default: '127.0.0.1',
    sentence: 'Address to listen on; `0.0.0.0` for every IPv4 address, `::` for every address.',
    flags: [{ name: '--host', argument: 'address' }],
  }),
  port: setting(integer({ from: 0, to: 65_535 }), {
    default: 8002,
    sentence: 'Port to listen on; 0 takes any free one.',
    flags: [{ name: '--port', argument: 'port' }],
  }),
  uds: setting(optional(socketPath), {
    default: undefined,
    sentence: 'Unix domain socket to listen on, in place of host and port.',
    flags: [{ name: '--uds', argument: 'path' }],
  }),
  udsMode: setting(fileMode, {
    default: '660',
    sentence:
      'Who may connect to the Unix domain socket: its mode, in octal. With 660 its owner and its group, with 666 every user of the machine.',
  }),
  rootPath: setting(optional(urlPath), {
    default: undefined,
    sentence: 'Path under which another server in front of this one mounts it.',
    flags: [{ name: '--root-path', argument: 'path' }],
  }),
  workers: setting(integer({ from: 1, to: 1024 }), {
    default: 1,
    sentence: 'Processes that share the work; only 1 in this version.',
    flags: [{ name: '--workers', argument: 'count' }],
  }),
  backlog: setting(integer({ from: 1, to: 65_535 }), {
    default: 2048,
    sentence: 'Connections the kernel holds until they are accepted.',
    flags: [{ name: '--backlog', argument: 'count' }],
  }),
  limitConcurrency: setting(optional(integer({ from: 1, to: 1_000_000 })), {
    default: undefined,
    sentence: 'Requests in hand at once; what comes above is answered 503.',
    flags: [{ name: '--limit-concurrency', argument: 'count' }],
  }),
  maxConnections: setting(integer({ from: 1, to: 1_000_000 }), {
    default: 10_000,
    sentence:
      'Open connections; what comes above is closed at once. Fewer where the process may not open as many files.',
  }),
  maxHeaderSize: setting(bytes({ from: 1024, to: 1024 ** 2 }), {
    default: 16 * 1024,
    sentence: 'The request line and the headers of a request, together; what is larger is answered 431.',
  }),
  maxHeaders: setting(integer({ from: 10, to: 10_000 }), {
    default: 100,
    sentence: 'Headers of a request; what has more is answered 431.',
  }),
  maxBodyMemory: setting(bytes({ from: 1024, to: 1024 ** 4 }), {
    default: 256 * 1024 ** 2,
    sentence:
      'Memory for all bodies that are being received and decoded; what comes above is answered 503, save events that come in one piece.',
  }),
  headersTimeoutS: setting(seconds, {
    default: 10,
    sentence:
      'How long a client may take to send the headers of a request, or to shake hands for TLS; 0 is as long as for a whole request.',
  }),
  requestTimeoutS: setting(seconds, {
    default: 60,
    sentence: 'How long a client may take to send a whole request; 0 is for ever.',
  }),
  keepAliveTimeoutS: setting(seconds, {
    default: 75,
    sentence:
      'How long an idle connection is kept. Java clients lose an event when one is closed that they have used within 5 s.',
    flags: [{ name: '--timeout-keep-alive', argument: 'seconds' }],
  }),
  gracefulShutdownTimeoutS: setting(seconds, {
    default: 10,
    sentence: 'How long the proxy may take to finish what is in hand when it is told to stop.',
    flags: [{ name: '--timeout-graceful-shutdown', argument: 'seconds' }],
  }),
  accessLog: setting(boolean(), {
    default: false,
    sentence:
      'Log a line for every request. Off, because it adds a sixth to a third to the cost of an event; what is refused is logged in any case.',
    flags: onOff('access-log'),
  }),
  proxyHeaders: setting(boolean(), {
    default: true,
    sentence:
      'Believe the `X-Forwarded-For` of trusted peers: the access log names the client that they name.',
    flags: onOff('proxy-headers'),
  }),
  forwardedAllowIps: setting(list(address), {
    default: ['127.0.0.1'],
    sentence:
      'The peers whose `X-Forwarded-For` is believed: addresses, networks, `unix:` for those of a Unix socket; `*` for all.',
    flags: [{ name: '--forwarded-allow-ips', argument: 'addresses' }],
  }),
  headers: setting(list(headerLine, { commas: false }), {
    default: [],
    sentence: 'Headers to put on every answer.',
    flags: [{ name: '--header', argument: 'name:value', repeatable: true }],
  }),
  sslKeyfile: setting(optional(filePath), {
    default: undefined,
    sentence: 'Private key of the TLS certificate (PEM).',
    flags: [{ name: '--ssl-keyfile', argument: 'path' }],
  }),
  sslCertfile: setting(optional(filePath), {
    default: undefined,
    sentence: 'TLS certificate, with its chain (PEM); with it the proxy speaks HTTPS.',
    flags: [{ name: '--ssl-certfile', argument: 'path' }],
  }),
  sslKeyfilePassword: setting(optional(text()), {
    default: undefined,
    sentence:
      'Password of the private key. A flag is seen by every user of the machine: prefer the environment.',
    secret: true,
    flags: [{ name: '--ssl-keyfile-password', argument: 'password' }],
  }),
  sslCaCerts: setting(optional(filePath), {
    default: undefined,
    sentence: 'Certificates of the authorities that sign those of clients (PEM).',
    flags: [{ name: '--ssl-ca-certs', argument: 'path' }],
  }),
  sslCertReqs: setting(oneOf(['none', 'optional', 'required'], { 0: 'none', 1: 'optional', 2: 'required' }), {
    default: 'none',
    sentence: 'Whether a client has to show a certificate.',
    flags: [{ name: '--ssl-cert-reqs', argument: 'choice' }],
  }),
  debug: setting(boolean(), {
    default: false,
    sentence:
      'Log each failed attempt to write to Kafka, too (level `debug`). Answers to clients stay as they are.',
    dataRentgen: true,
  }),
  cors,
  requestId,
  applicationVersion,
  monitoring,
  openapi,
});
