/**
 * The proxy's own Kerberos ticket, in a file that only it can read: got at the start by password or keytab, renewed in good
 * time, and kept as long as it holds when it cannot be.
 */
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { BrokerError } from '../broker-error.ts';
import { MissingProgramError, runKerberosProgram } from './kerberos-program.ts';
import {
  explainServiceFailure,
  explainTicketFailure,
  isUnknownService,
  type Blame,
} from './kerberos-words.ts';

export interface TicketSettings {
  /** `name`, `name/instance` or `name@REALM`. */
  readonly principal: string;
  /** For a principal that names none; where there is none either, krb5.conf's `default_realm`. */
  readonly realm: string | undefined;
  /** One of the two. */
  readonly keytab: string | undefined;
  readonly password: string | undefined;
  readonly refreshIntervalMs: number;
}

/** Milliseconds for a KDC to answer: MIT asks each one several times, and waits longer each time. */
const KDC_LIMIT_MS = 15_000;
/** A look into a file. */
const FILE_LIMIT_MS = 5000;

/** Milliseconds before the first retry, doubled with each. */
const FIRST_RETRY_MS = 1000;
/** And at most. Many a directory locks an account whose password is wrong again and again. */
const LONGEST_RETRY_MS: Readonly<Record<Blame, number>> = { credentials: 300_000, other: 15_000 };

/** A ticket is renewed at the latest when this part of its life is over. */
const RENEWED_AT = 0.75;

interface Ticket {
  /** Milliseconds since 1970. */
  readonly endsAt: number;
  /** `kafka/host` of the services to which there is a ticket as well. */
  readonly services: Set<string>;
}

export class KerberosTicket {
  /** The principal with its realm, where that is given. */
  readonly principal: string;
  readonly #settings: TicketSettings;
  readonly #log: Logger;
  readonly #folder: string;
  readonly #stopping = new AbortController();
  #ticket: Ticket | undefined;
  #problem = 'no KDC has answered yet';
  #detail = '';
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #firstTry: Promise<void> = Promise.resolve();
  /** Programs run one after the other: they write to the same file. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Services that were wanted since the start: a new ticket is of use only with tickets to them. */
  readonly #wanted = new Set<string>();
  readonly #asked = new Map<string, Promise<void>>();

  /** Makes the folder for the ticket, in the system's for temporary files. Throws when that cannot be written to. */
  constructor(settings: TicketSettings, log: Logger) {
    const { principal, realm } = settings;
    this.principal = realm === undefined || principal.includes('@') ? principal : `${principal}@${realm}`;
    this.#settings = settings;
    this.#log = log;
    // Mode 0700: a ticket is as good as the password until it ends.
    this.#folder = mkdtempSync(join(tmpdir(), 'http2kafka-ticket-'));
    process.once('exit', () => this.#remove());
  }

  /** What KRB5CCNAME has to be for GSSAPI to find the ticket. */
  get cache(): string {
    return `FILE:${join(this.#folder, 'ticket')}`;
  }

  get hasKeytab(): boolean {
    return this.#settings.keytab !== undefined;
  }

  /** Why there is no newer ticket, in words for an operator; empty when there was one the last time. */
  get problem(): string {
    return this.#problem;
  }

  /** Has the first ticket fetched, and sees to it from then on. */
  start(): void {
    this.#firstTry = this.#inTurn(() => this.#renew());
  }

  /**
   * Resolves when there is a ticket to `service/host`; asks the KDC for it where there is none.
   * Waits for the first ticket, and fails at once when a later one cannot be had.
   * @throws {BrokerError}
   */
  async holdService(service: string, host: string): Promise<void> {
    const name = `${service}/${host}`;
    this.#wanted.add(name);
    await this.#firstTry;
    const ticket = this.#ticket;
    if (ticket === undefined || ticket.endsAt <= Date.now()) throw this.#fault(this.#problem, this.#detail);
    if (ticket.services.has(name)) return;
    const asked =
      this.#asked.get(name) ??
      this.#inTurn(() => this.#askService(name)).finally(() => this.#asked.delete(name));
    this.#asked.set(name, asked);
    await asked;
  }

  /** Ends what is under way and takes the ticket away. */
  async close(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#turn;
    this.#remove();
  }

  #remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(task);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #renew(): Promise<void> {
    let pauseMs: number;
    try {
      const ticket = await this.#fetch();
      this.#ticket = ticket;
      if (this.#failures > 0 || this.#problem !== '')
        this.#log.info(
          { until: new Date(ticket.endsAt) },
          `Kerberos: there is a ticket for ${this.principal}`,
        );
      this.#problem = '';
      this.#failures = 0;
      const left = ticket.endsAt - Date.now();
      pauseMs = Math.max(FIRST_RETRY_MS, Math.min(this.#settings.refreshIntervalMs, left * RENEWED_AT));
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const complaint = error instanceof Error ? error.message : String(error);
      const { blame, problem } = explainTicketFailure(complaint, this.hasKeytab);
      this.#failures += 1;
      this.#detail = `${this.principal}: ${complaint}`;
      if (problem !== this.#problem)
        this.#log.warn({ detail: this.#detail }, `Kerberos: ${problem}. ${this.#whatHolds()}`);
      this.#problem = problem;
      pauseMs = Math.min(LONGEST_RETRY_MS[blame], FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 20));
    }
    this.#timer = setTimeout(() => void this.#inTurn(() => this.#renew()), pauseMs);
    this.#timer.unref();
  }

  #whatHolds(): string {
    const endsAt = this.#ticket?.endsAt ?? 0;
    if (endsAt <= Date.now()) return 'There is no ticket, and so no new login';
    return `The ticket there is holds until ${new Date(endsAt).toISOString()}`;
  }

  #fault(problem: string, detail: string): BrokerError {
    return new BrokerError(`no Kerberos ticket for ${detail}`, `the login by Kerberos fails: ${problem}`);
  }

  /** A new ticket, and those to the services, beside the one there is; only then in its place. */
  async #fetch(): Promise<Ticket> {
    const file = join(this.#folder, 'next');
    const cache = `FILE:${file}`;
    const { keytab, password = '' } = this.#settings;
    const source = keytab === undefined ? [] : ['-k', '-t', keytab];
    await this.#run(
      'kinit',
      ['-c', cache, ...source, this.principal],
      KDC_LIMIT_MS,
      keytab === undefined ? `${password}\n` : '',
    );
    const endsAt = readEnd(await this.#run('klist', ['-c', cache], FILE_LIMIT_MS));
    const services = await this.#getServices(cache);
    renameSync(file, join(this.#folder, 'ticket'));
    return { endsAt: endsAt ?? Date.now() + this.#settings.refreshIntervalMs, services };
  }

  /** Tickets to the services that were wanted so far: one that is not to be had does not make the proxy's own worse. */
  async #getServices(cache: string): Promise<Set<string>> {
    const services = new Set<string>();
    for (const name of this.#wanted) {
      try {
        await this.#getService(cache, name);
        services.add(name);
      } catch (error) {
        // A broker that has gone. A KDC that has is not asked for each of the others, too.
        if (!(error instanceof Error && isUnknownService(error.message))) break;
      }
    }
    return services;
  }

  async #askService(name: string): Promise<void> {
    try {
      await this.#getService(this.cache, name);
    } catch (error) {
      const complaint = error instanceof Error ? error.message : String(error);
      const problem = explainServiceFailure(complaint, this.hasKeytab);
      throw this.#fault(problem, `${name}: ${complaint}`);
    }
    this.#ticket?.services.add(name);
  }

  async #getService(cache: string, name: string): Promise<void> {
    const [service = '', host = ''] = name.split('/');
    await this.#run('kvno', ['-q', '-c', cache, '-S', service, host], KDC_LIMIT_MS);
  }

  #run(
    program: 'kinit' | 'klist' | 'kvno',
    args: readonly string[],
    limitMs: number,
    input = '',
  ): Promise<string> {
    return runKerberosProgram(program, args, { limitMs, input, signal: this.#stopping.signal });
  }
}

/** When the ticket ends by klist, whose times are `11/23/26 19:20:00` in the locale C; undefined when it does not say. */
function readEnd(listing: string): number | undefined {
  const line = /(\d\d)\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d)  krbtgt\//.exec(listing);
  if (line === null) return undefined;
  const [, month, day, year, time] = line;
  const end = Date.parse(`20${year ?? ''}-${month ?? ''}-${day ?? ''}T${time ?? ''}Z`);
  return Number.isNaN(end) ? undefined : end;
}

/**
 * Looks whether the programs are on this machine.
 * @throws {MissingProgramError} for the first that is not.
 */
export async function checkKerberosPrograms(): Promise<void> {
  for (const program of ['kinit', 'kvno', 'klist'] as const) {
    // No option of any: it prints how it is used, and ends with an error.
    await runKerberosProgram(program, ['-?'], { limitMs: FILE_LIMIT_MS }).catch((error: unknown) => {
      if (error instanceof MissingProgramError) throw error;
    });
  }
}
