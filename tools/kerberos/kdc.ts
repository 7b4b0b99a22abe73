// A real Kerberos realm on 127.0.0.1 for the tests: MIT's KDC from Debian. install.ts installs it.
//
// - All its files are in a temporary folder, which is removed when the process that started it ends.
// - `environment` configures MIT's programs and libraries for it, `jvm` configures Java.
// - Names of hosts are taken as they are: no DNS (`dns_canonicalize_hostname`), so `kafka/127.0.0.1` is a service.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { lastLines, removeTemporaryFolder, temporaryFolder } from '../kafka/folders.ts';
import { freePorts } from '../kafka/ports.ts';
import { findKerberosProgram } from './install.ts';

export const REALM = 'HTTP2KAFKA.TEST';
const START_MS = 20_000;

const run = promisify(execFile);

/** Makes a realm without principals and starts its KDC. Fails when a program is missing. */
export async function startKdc(): Promise<Kdc> {
  const [port = 0] = await freePorts(1);
  const kdc = new Kdc(temporaryFolder('http2kafka-kdc-'), port);
  await kdc.create();
  await kdc.start();
  return kdc;
}

/** A realm and its KDC, in a process of its own. */
export class Kdc {
  readonly folder: string;
  /** Environment variables for a process in the realm. */
  readonly environment: Readonly<Record<string, string>>;
  /** JVM options for a process in the realm. */
  readonly jvm: readonly string[];
  readonly #port: number;
  #process: ChildProcess | undefined;

  constructor(folder: string, port: number) {
    this.folder = folder;
    this.#port = port;
    const file = join(folder, 'krb5.conf');
    this.environment = { KRB5_CONFIG: file };
    this.jvm = [`-Djava.security.krb5.conf=${file}`];
  }

  async create(): Promise<void> {
    const { folder } = this;
    await writeFile(
      join(folder, 'krb5.conf'),
      `[libdefaults]
  default_realm = ${REALM}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
[realms]
  ${REALM} = {
    kdc = 127.0.0.1:${this.#port}
  }
`,
    );
    await writeFile(
      join(folder, 'kdc.conf'),
      `[kdcdefaults]
  kdc_listen = 127.0.0.1:${this.#port}
  kdc_tcp_listen = 127.0.0.1:${this.#port}
[realms]
  ${REALM} = {
    database_name = ${join(folder, 'principal')}
    key_stash_file = ${join(folder, 'stash')}
    max_life = 10h
  }
[logging]
  kdc = FILE:${join(folder, 'kdc.log')}
`,
    );
    await this.#call('kdb5_util', ['create', '-s', '-r', REALM, '-P', 'master']);
  }

  /** Makes a principal, or changes its password. */
  async setPassword(name: string, password: string): Promise<void> {
    const known = (await this.#administer('listprincs')).includes(`${name}@${REALM}`);
    await this.#administer(known ? `cpw -pw ${password} ${name}` : `addprinc -pw ${password} ${name}`);
  }

  /** Makes a principal with a random key. Gives the keytab with that key. */
  async keytab(name: string): Promise<string> {
    const file = join(this.folder, `${name.replace('/', '-')}.keytab`);
    await this.#administer(`addprinc -randkey ${name}`);
    await this.#administer(`ktadd -k ${file} ${name}`);
    return file;
  }

  /** Sets the lifetime of a principal's tickets, e.g. `10 seconds`. */
  async setTicketLife(name: string, life: string): Promise<void> {
    await this.#administer(`modprinc -maxlife "${life}" ${name}`);
  }

  async start(): Promise<void> {
    const log = join(this.folder, 'kdc.log');
    const child = spawn(program('krb5kdc'), ['-n'], {
      env: this.#environment(),
      stdio: 'ignore',
      detached: true,
    });
    this.#process = child;
    const kill = () => child.kill('SIGKILL');
    process.on('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    const end = Date.now() + START_MS;
    while (!(await this.#answers())) {
      if (child.exitCode !== null || Date.now() > end)
        throw new Error(`The KDC did not start:\n${await lastLines(log)}`);
      await sleep(20);
    }
  }

  /** Ends its process and keeps the realm. Connections to its port are refused then. */
  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Freezes its process (SIGSTOP): it receives requests and answers none. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  /** Lets a frozen KDC go on (SIGCONT). */
  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async remove(): Promise<void> {
    await this.stop();
    await removeTemporaryFolder(this.folder);
  }

  /** Whether it answers. An error counts as an answer: the principal `nobody` does not exist. */
  async #answers(): Promise<boolean> {
    const cache = `FILE:${join(this.folder, 'nobody')}`;
    return run(program('kinit'), ['-c', cache, '-k', '-t', '/dev/null', 'nobody'], {
      env: this.#environment(),
    }).then(
      () => true,
      (error: unknown) => String(error).includes('not found in Kerberos database'),
    );
  }

  async #administer(query: string): Promise<string> {
    return this.#call('kadmin.local', ['-r', REALM, '-q', query]);
  }

  async #call(name: string, args: readonly string[]): Promise<string> {
    const { stdout } = await run(program(name), [...args], { env: this.#environment() });
    return stdout;
  }

  #environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      ...this.environment,
      KRB5_KDC_PROFILE: join(this.folder, 'kdc.conf'),
      LC_ALL: 'C',
    };
  }
}

function program(name: string): string {
  const path = findKerberosProgram(name);
  if (path === undefined) throw new Error(`there is no ${name}: run tools/kerberos/install.ts --test`);
  return path;
}
