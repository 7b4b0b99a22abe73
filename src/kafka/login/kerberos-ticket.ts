/**
 * The proxy's own Kerberos ticket, in a file that only the proxy can read. It is fetched at the start by password or keytab, and
 * renewed before it ends. While it cannot be renewed, the current one is used until it ends.
 */
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../../log.ts';
import { backoff } from '../../support/backoff.ts';
import { errorText } from '../../support/error-text.ts';
import { systemTime, type Time } from '../../support/time.ts';
import { BrokerError } from '../broker-error.ts';
import {
  explainServiceFailure,
  explainTicketFailure,
  isUnknownService,
  type Cause,
} from './kerberos-errors.ts';
import { FILE_LIMIT_MS, runKerberosProgram, ticketEnd } from './kerberos-program.ts';

export interface TicketSettings {
  /** `name`, `name/instance` or `name@REALM`. */
  readonly principal: string;
  /** The realm of a principal that names none; without this, krb5.conf's `default_realm`. */
  readonly realm: string | undefined;
  /** Either a keytab or a password. */
  readonly keytab: string | undefined;
  readonly password: string | undefined;
  readonly refreshIntervalMs: number;
}

/** Milliseconds for the KDCs to answer: MIT asks each one several times, and waits longer each time. */
const KDC_LIMIT_MS = 15_000;

/** Milliseconds before the first retry, doubled with each failure. */
const FIRST_RETRY_MS = 1000;
/** The longest, by cause: many directories lock an account after repeated attempts with a wrong password. */
const LONGEST_RETRY_MS: Readonly<Record<Cause, number>> = { credentials: 300_000, other: 15_000 };

/** A ticket is renewed at the latest after this part of its life. */
const RENEWED_AT = 0.75;

interface Ticket {
  /** Milliseconds since 1970. */
  readonly endsAt: number;
  /** `kafka/host` of the services that the file has tickets for. */
  readonly services: Set<string>;
}

export class KerberosTicket {
  /** The principal, with its realm where that is given. */
  readonly principal: string;
  readonly #settings: TicketSettings;
  readonly #log: Logger;
  readonly #time: Time;
  /** A renewal that did not wait for its timer. */
  #urgent: Promise<void> | undefined;
  readonly #folder: string;
  readonly #stopping = new AbortController();
  #ticket: Ticket | undefined;
  #problem = 'no KDC has answered yet';
  #detail = '';
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #firstTry: Promise<void> = Promise.resolve();
  /** Programs run one after another: they write to the same file. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Services that were requested since the start: a new ticket is useful only together with tickets to them. */
  readonly #requested = new Set<string>();
  /** Requests to the KDC in flight, by service. */
  readonly #inFlight = new Map<string, Promise<void>>();

  /** Makes the folder for the ticket in the system's folder for temporary files. Throws when that is not writable. */
  constructor(settings: TicketSettings, log: Logger, time = systemTime) {
    this.#time = time;
    const { principal, realm } = settings;
    this.principal = realm === undefined || principal.includes('@') ? principal : `${principal}@${realm}`;
    this.#settings = settings;
    this.#log = log;
    // mkdtemp gives mode 0700. Until it ends, a ticket is worth as much as the password.
    this.#folder = mkdtempSync(join(tmpdir(), 'http2kafka-ticket-'));
    process.once('exit', () => this.#remove());
  }

  /** The value of KRB5CCNAME with which GSSAPI finds the ticket. */
  get cache(): string {
    return `FILE:${join(this.#folder, 'ticket')}`;
  }

  get hasKeytab(): boolean {
    return this.#settings.keytab !== undefined;
  }

  /** Why there is no newer ticket, for an operator; empty after a success. */
  get problem(): string {
    return this.#problem;
  }

  /** Fetches the first ticket in the background, and renews it until `close`. */
  start(): void {
    this.#firstTry = this.#inTurn(() => this.#renew());
  }

  /**
   * Resolves when there is a ticket to `service/host`; requests it from the KDC where there is none. Waits for the first attempt
   * at a ticket of our own. After that, it fails at once when there is none.
   * @throws {BrokerError}
   */
  async holdService(service: string, host: string): Promise<void> {
    const name = `${service}/${host}`;
    this.#requested.add(name);
    await this.#firstTry;
    if (this.#failures === 0 && this.#hasEnded()) await this.#renewNow();
    const ticket = this.#ticket;
    if (ticket === undefined || this.#hasEnded()) throw this.#loginError(this.#problem, this.#detail);
    if (ticket.services.has(name)) return;
    const request =
      this.#inFlight.get(name) ??
      this.#inTurn(() => this.#addService(name)).finally(() => this.#inFlight.delete(name));
    this.#inFlight.set(name, request);
    await request;
  }

  /** Ends the program in flight and deletes the ticket. */
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

  /** A ticket ends by the wall clock, as GSSAPI and the KDC see it. */
  #hasEnded(): boolean {
    return (this.#ticket?.endsAt ?? 0) <= this.#time.wall.now();
  }

  /** The machine's clock was set forward: the timer of the next renewal does not know that the ticket has ended. */
  #renewNow(): Promise<void> {
    this.#urgent ??= this.#inTurn(() => this.#renew()).finally(() => (this.#urgent = undefined));
    return this.#urgent;
  }

  async #renew(): Promise<void> {
    clearTimeout(this.#timer);
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
      const left = ticket.endsAt - this.#time.wall.now();
      pauseMs = Math.max(FIRST_RETRY_MS, Math.min(this.#settings.refreshIntervalMs, left * RENEWED_AT));
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const message = errorText(error);
      const { cause, problem } = explainTicketFailure(message, this.hasKeytab);
      this.#failures += 1;
      this.#detail = `${this.principal}: ${message}`;
      if (problem !== this.#problem)
        this.#log.warn({ detail: this.#detail }, `Kerberos: ${problem}. ${this.#currentTicket()}`);
      this.#problem = problem;
      pauseMs = backoff(this.#failures, FIRST_RETRY_MS, LONGEST_RETRY_MS[cause]);
    }
    this.#timer = setTimeout(() => void this.#inTurn(() => this.#renew()), pauseMs);
    this.#timer.unref();
  }

  #currentTicket(): string {
    const endsAt = this.#ticket?.endsAt ?? 0;
    if (this.#hasEnded()) return 'Without a ticket, the proxy cannot log in';
    return `The current ticket is valid until ${new Date(endsAt).toISOString()}`;
  }

  #loginError(problem: string, detail: string): BrokerError {
    return new BrokerError(`no Kerberos ticket for ${detail}`, `the login by Kerberos fails: ${problem}`);
  }

  /** Fetches a new ticket, and tickets to the services, into a second file; then replaces the current file. */
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
    const endsAt = ticketEnd(await this.#run('klist', ['-c', cache], FILE_LIMIT_MS));
    const services = await this.#getServices(cache);
    renameSync(file, join(this.#folder, 'ticket'));
    return { endsAt: endsAt ?? this.#time.wall.now() + this.#settings.refreshIntervalMs, services };
  }

  /** Tickets to the services that were requested so far. Without one of them, the proxy's own ticket is still good. */
  async #getServices(cache: string): Promise<Set<string>> {
    const services = new Set<string>();
    for (const name of this.#requested) {
      try {
        await this.#getService(cache, name);
        services.add(name);
      } catch (error) {
        // This broker is gone: go on. Any other failure is likely the KDC's, and would repeat for each service.
        if (!(error instanceof Error && isUnknownService(error.message))) break;
      }
    }
    return services;
  }

  async #addService(name: string): Promise<void> {
    try {
      await this.#getService(this.cache, name);
    } catch (error) {
      const message = errorText(error);
      const problem = explainServiceFailure(message, this.hasKeytab);
      throw this.#loginError(problem, `${name}: ${message}`);
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
