/** Which HTTP proxy a request leaves the network through, by the variables that most programs know. */
import { BlockList, isIP } from 'node:net';

/** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in upper or in lower case. */
export type ProxyVariables = Readonly<Record<string, string | undefined>>;

export interface EgressProxy {
  /** The variable that names it. */
  readonly variable: 'HTTPS_PROXY' | 'HTTP_PROXY';
  /** Host and port for messages: without the credentials. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Whether the proxy itself is asked by TLS. */
  readonly isTls: boolean;
  /** The header `Proxy-Authorization`; undefined without credentials. */
  readonly authorization: string | undefined;
}

export class EgressProxies {
  readonly #secure: EgressProxy | undefined;
  readonly #plain: EgressProxy | undefined;
  readonly #exceptions: readonly ((host: string, port: number) => boolean)[];

  /** @throws when a variable is not the address of an HTTP proxy. The message does not repeat it: it may hold a password. */
  constructor(variables: ProxyVariables) {
    // In lower case first, as curl and Node do.
    const valueOf = (name: string) => variables[name.toLowerCase()] || variables[name] || undefined;
    this.#secure = readProxy('HTTPS_PROXY', valueOf('HTTPS_PROXY'));
    this.#plain = readProxy('HTTP_PROXY', valueOf('HTTP_PROXY'));
    const exceptions = (valueOf('NO_PROXY') ?? '').toLowerCase().split(/[\s,]+/);
    this.#exceptions = exceptions.filter((entry) => entry !== '').map(exceptionOf);
  }

  /** The proxy for a request; undefined where it goes to the server itself. */
  proxyFor({ protocol, hostname, port }: URL): EgressProxy | undefined {
    const host = bare(hostname);
    const isSecure = protocol === 'https:';
    // Plain HTTP to this machine has secrets that no other machine may see.
    if (!isSecure && isThisMachine(host)) return undefined;
    const number = Number(port || (isSecure ? 443 : 80));
    if (this.#exceptions.some((matches) => matches(host, number))) return undefined;
    return isSecure ? this.#secure : this.#plain;
  }
}

function readProxy(variable: EgressProxy['variable'], value: string | undefined): EgressProxy | undefined {
  if (value === undefined) return undefined;
  // curl, too, takes `proxy.example:3128`.
  const url = URL.parse(value.includes('://') ? value : `http://${value}`);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new Error(`${variable} is not the address of an HTTP proxy: http://host:port was expected`);
  }
  const { protocol, hostname, username, password } = url;
  const isTls = protocol === 'https:';
  const port = Number(url.port || (isTls ? 443 : 80));
  const credentials = `${unescaped(username)}:${unescaped(password)}`;
  return {
    ...{ variable, name: `${hostname}:${port}`, host: bare(hostname), port, isTls },
    authorization:
      username + password === '' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`,
  };
}

/** One entry of `NO_PROXY`: `*`, a name with its subdomains, an address, a network, each with or without a port. */
function exceptionOf(entry: string): (host: string, port: number) => boolean {
  if (entry === '*') return () => true;
  const { v6, name, port } =
    /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:]*))(?::(?<port>\d+))?$/.exec(entry)?.groups ?? {};
  const matches = hostMatcher(v6 ?? name ?? entry);
  return (host, ofPort) => matches(host) && (port === undefined || Number(port) === ofPort);
}

function hostMatcher(written: string): (host: string) => boolean {
  const [address = '', bits] = written.split('/');
  const version = isIP(address);
  if (version !== 0) {
    const list = new BlockList();
    const most = version === 4 ? 32 : 128;
    const prefix = bits === undefined ? most : Number(bits);
    // What is no number of bits excepts no address.
    if (Number.isInteger(prefix) && prefix >= 0 && prefix <= most) {
      list.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6');
    }
    return (host) => isIP(host) !== 0 && list.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6');
  }
  const domain = written.replace(/^\*?\./, '').replace(/\.$/, '');
  return (host) => domain !== '' && (host === domain || host.endsWith(`.${domain}`));
}

function isThisMachine(host: string): boolean {
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    (isIP(host) === 4 && host.startsWith('127.'))
  );
}

/** Without the brackets of IPv6, and without the dot at the end of a name. */
function bare(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
