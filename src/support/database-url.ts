/**
 * SQLAlchemy's database URLs, which Data.Rentgen's settings have: read as SQLAlchemy does (`_parse_url` in
 * `sqlalchemy/engine/url.py`), so that a password that holds `/` or `#` need not be escaped here if it need not be there.
 */

/** How much TLS: libpq's `sslmode`, without `allow`, which is `prefer` in another order. */
export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/** Where a database is, and as whom it is asked. */
export interface DatabaseAddress {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  readonly tls: {
    readonly mode: TlsMode;
    /** Files (PEM): whom to believe, and who we are. */
    readonly caFile: string | undefined;
    readonly certFile: string | undefined;
    readonly keyFile: string | undefined;
  };
}

const URL_PARTS =
  /^postgres(?:ql)?(?:\+\w+)?:\/\/(?:(?<user>[^:/]*)(?::(?<password>[^@]*))?@)?(?:(?:\[(?<ipv6>[^/?]+)\]|(?<name>[^/:?]+))?(?::(?<port>[^/?]*))?)?(?:\/(?<database>[^?]*))?(?:\?(?<query>.*))?$/s;

const DEFAULT_PORT = 5432;
const LARGEST_PORT = 65_535;

/** Reads a database URL; a string says what is wrong with it, without a word of what is in it. */
export function readDatabaseUrl(url: string): DatabaseAddress | string {
  const parts = URL_PARTS.exec(url)?.groups;
  if (!parts) return 'is not postgresql://user:password@host:5432/database';
  const query = new URLSearchParams(parts['query']);
  const hosts = query.getAll('host').flatMap((list) => list.split(','));
  const host = parts['ipv6'] ?? parts['name'] ?? '';
  if (hosts.length > 1 || host.includes(',')) return 'names several hosts; name one';
  // `?host=/var/run/postgresql`, or `?host=name:port`.
  const [hostOfQuery, portOfQuery] = (hosts[0] ?? '').split(':');
  const port = Number(query.get('port') ?? portOfQuery ?? (parts['port'] || DEFAULT_PORT));
  if (!Number.isInteger(port) || port < 1 || port > LARGEST_PORT)
    return 'has a port that is none; a password that holds @ needs it written as %40';
  const mode = tlsMode(query.get('ssl') ?? query.get('sslmode'));
  if (mode === undefined)
    return 'asks for TLS in an unknown way: ssl, or sslmode, is disable, allow, prefer, require, verify-ca or verify-full';
  return {
    host: hostOfQuery || host || 'localhost',
    port,
    user: unescaped(query.get('user') ?? parts['user']),
    password: unescaped(parts['password']) ?? query.get('password') ?? undefined,
    database: unescaped(query.get('database') ?? parts['database']),
    tls: {
      mode,
      caFile: query.get('sslrootcert') ?? undefined,
      certFile: query.get('sslcert') ?? undefined,
      keyFile: query.get('sslkey') ?? undefined,
    },
  };
}

/** asyncpg's `ssl` and libpq's `sslmode`. Both try TLS first, and do without where there is none. */
function tlsMode(written: string | null): TlsMode | undefined {
  switch (written?.toLowerCase()) {
    case undefined:
    case 'allow':
    case 'prefer':
      return 'prefer';
    case 'disable':
    case 'false':
      return 'disable';
    case 'require':
    case 'true':
      return 'require';
    case 'verify-ca':
      return 'verify-ca';
    case 'verify-full':
      return 'verify-full';
    default:
      return undefined;
  }
}

/** As Python's `unquote`: a `%` without two hexadecimal digits stays. */
function unescaped(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());
}
