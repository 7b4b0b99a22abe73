/**
 * Parses database URLs of SQLAlchemy, as in Data.Rentgen's settings. The rules are SQLAlchemy's (`_parse_url` in
 * `sqlalchemy/engine/url.py`): a password with `/` or `#` needs no escapes here where it needs none there.
 */

/** libpq's `sslmode`, without `allow`, which is `prefer` in another order. */
export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/** The address of a database, the user that queries it, and how much TLS is required. */
export interface DatabaseAddress {
  /** A host name, an IP address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  readonly tls: {
    readonly mode: TlsMode;
    /** Paths of PEM files: the authorities to trust, and the proxy's own certificate and key. */
    readonly caFile: string | undefined;
    readonly certFile: string | undefined;
    readonly keyFile: string | undefined;
  };
}

const URL_PARTS =
  /^postgres(?:ql)?(?:\+\w+)?:\/\/(?:(?<user>[^:/]*)(?::(?<password>[^@]*))?@)?(?:(?:\[(?<ipv6>[^/?]+)\]|(?<name>[^/:?]+))?(?::(?<port>[^/?]*))?)?(?:\/(?<database>[^?]*))?(?:\?(?<query>.*))?$/s;

const DEFAULT_PORT = 5432;
const LARGEST_PORT = 65_535;

/** Parses a database URL. A string is the error, and repeats nothing of the URL. */
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
    return 'has an invalid port; in a password, write @ as %40';
  const mode = tlsMode(query.get('ssl') ?? query.get('sslmode'));
  if (mode === undefined)
    return 'has an unknown mode of TLS: ssl, or sslmode, is disable, allow, prefer, require, verify-ca or verify-full';
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

/** asyncpg's `ssl` and libpq's `sslmode`. By default both try TLS first, and accept a server without it. */
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

/** As Python's `unquote`: a `%` without two hexadecimal digits stays unchanged. */
function unescaped(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());
}
