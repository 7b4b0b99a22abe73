/** The login with Kerberos: SASL's mechanism GSSAPI (RFC 4752), in Kafka's SaslAuthenticate requests (KIP-43, KIP-152). */
import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { type Connection, type saslAuthenticateV2, type SASLCustomAuthenticator } from '@platformatic/kafka';
import type * as KerberosPackage from 'kerberos';
import type { Logger } from '../../log.ts';
import { errorText } from '../../support/error-text.ts';
import { withinTime } from '../../support/time-limit.ts';
import { BrokerError } from '../broker-error.ts';
import { explainServiceFailure } from './kerberos-errors.ts';
import { checkKerberosPrograms } from './kerberos-program.ts';
import { KerberosTicket, type TicketSettings } from './kerberos-ticket.ts';

type Kerberos = Pick<typeof KerberosPackage, 'initializeClient' | 'GSS_MECH_OID_KRB5'>;
type Send = saslAuthenticateV2.SASLAuthenticationAPI;
type LastAnswer = saslAuthenticateV2.SaslAuthenticateResponse;

export interface GssapiSettings extends TicketSettings {
  /** The first part of the brokers' principals, `kafka` by default. */
  readonly serviceName: string;
}

/** The machine lacks something for a login with Kerberos. The message says how to install it. */
export class GssapiUnavailableError extends Error {
  override readonly name = 'GssapiUnavailableError';
}

/** The plain image has none of it. */
const FOR_IMAGES = 'for images see docs/docker.md#kerberos';

/** Milliseconds for a login. Less than the limit of a connection, so that this more exact error is reported. */
const LOGIN_LIMIT_MS = 2000;

/** RFC 4752, 3.1: the security layers that a server offers are bits of the first byte. Kafka has only "no security layer". */
const NO_SECURITY_LAYER = 1;

/**
 * RFC 4752, 3.1: the chosen layer, and the largest message that we accept, 0 without a layer. Four bytes are sent; the package
 * reads eight.
 */
const CHOICE = Buffer.from([NO_SECURITY_LAYER, 0, 0, 0, 0, 0, 0, 0]).toString('base64');

/** One object for all connections: they share the ticket. */
export class GssapiLogin {
  readonly #kerberos: Kerberos;
  readonly #ticket: KerberosTicket;
  readonly #serviceName: string;
  readonly #log: Logger;
  /** GSSAPI blocks on the KDC, DNS and files in a thread of the pool that also syncs the spool: it gets one thread at most. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(kerberos: Kerberos, ticket: KerberosTicket, serviceName: string, log: Logger) {
    this.#kerberos = kerberos;
    this.#ticket = ticket;
    this.#serviceName = serviceName;
    this.#log = log;
  }

  /**
   * Loads the library and fetches a ticket in the background: without a ticket it does not fail. `setVariable` sets an environment
   * variable of this process, the only way to tell GSSAPI where the ticket is.
   * @throws {GssapiUnavailableError} when a library or a program is not on this machine.
   */
  static async open(
    settings: GssapiSettings,
    setVariable: (name: string, value: string) => void,
    log: Logger,
  ): Promise<GssapiLogin> {
    const kerberos = await loadKerberos();
    const ticket = await withPrograms(() => new KerberosTicket(settings, log));
    setVariable('KRB5CCNAME', ticket.cache);
    ticket.start();
    return new GssapiLogin(kerberos, ticket, settings.serviceName, log);
  }

  /** The Kafka client calls this for every connection and every re-authentication (KIP-368). */
  readonly authenticate: SASLCustomAuthenticator = (
    _mechanism,
    connection,
    send,
    _user,
    _password,
    _token,
    callback,
  ) => {
    this.#login(connection, send).then(
      (response) => callback(null, response),
      (error: unknown) => callback(error instanceof Error ? error : new Error(errorText(error))),
    );
  };

  async close(): Promise<void> {
    await this.#ticket.close();
  }

  async #login(connection: Connection, send: Send): Promise<LastAnswer> {
    const service = `${this.#serviceName}/${connection.host ?? ''}`;
    const tooLate = () => {
      const why = this.#ticket.problem === '' ? 'it takes too long' : this.#ticket.problem;
      return new BrokerError(
        `no Kerberos login at ${service} within ${LOGIN_LIMIT_MS / 1000} s`,
        `the login by Kerberos fails: ${why}`,
      );
    };
    const answer = await withinTime(this.#exchange(connection, send), LOGIN_LIMIT_MS, tooLate);
    this.#log.debug({ kerberos_service: service }, 'logged in by Kerberos');
    return answer;
  }

  async #exchange(connection: Connection, send: Send): Promise<LastAnswer> {
    const { host = '' } = connection;
    await this.#ticket.holdService(this.#serviceName, host);
    const client = await this.#gssapi(() =>
      this.#kerberos.initializeClient(`${this.#serviceName}@${host}`, {
        principal: this.#ticket.principal,
        mechOID: this.#kerberos.GSS_MECH_OID_KRB5,
      }),
    );
    let token = await this.#gssapi(() => client.step(''));
    let answer = await send.async(connection, fromBase64(token));
    while (!client.contextComplete) {
      token = await this.#gssapi(() => client.step(answer.authBytes.toString('base64')));
      // Empty when the server has to continue: RFC 4752, 3.1, "the client then responds with an empty response".
      answer = await send.async(connection, fromBase64(token));
    }
    const offer = fromBase64(await this.#gssapi(() => client.unwrap(answer.authBytes.toString('base64'))));
    if (((offer[0] ?? 0) & NO_SECURITY_LAYER) === 0)
      throw new BrokerError('the broker requires a security layer (RFC 4752), which Kafka does not have');
    const choice = await this.#gssapi(() => client.wrap(CHOICE, { user: client.username }));
    return send.async(connection, fromBase64(choice));
  }

  /** Calls GSSAPI when the call before it has ended, and explains its errors. */
  async #gssapi<Result>(call: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(call);
    this.#turn = result.catch(() => undefined);
    try {
      return await result;
    } catch (error) {
      const message = errorText(error);
      const problem = explainServiceFailure(message, this.#ticket.hasKeytab);
      throw new BrokerError(`GSSAPI: ${message}`, `the login by Kerberos fails: ${problem}`);
    }
  }
}

/**
 * Checks that this machine has what a login by Kerberos needs. It changes nothing on disk, and asks no KDC.
 * @throws {GssapiUnavailableError} when a library or a program is missing, or no ticket can be written.
 */
export async function checkGssapi(): Promise<void> {
  await loadKerberos();
  await withPrograms(() => accessSync(tmpdir(), constants.W_OK));
}

/** The package gives null where GSSAPI has no token to send. */
function fromBase64(token: string | null): Buffer {
  return Buffer.from(token ?? '', 'base64');
}

async function loadKerberos(): Promise<Kerberos> {
  try {
    // Optional: only a login by Kerberos needs it.
    return await import('kerberos');
  } catch (error) {
    const [reason] = errorText(error).split('\n');
    throw new GssapiUnavailableError(
      `GSSAPI needs the npm package kerberos, its native part built by \`make kerberos\`, and MIT's libgssapi_krb5: ${reason ?? ''}; ${FOR_IMAGES}`,
    );
  }
}

/** Runs the task, which needs a folder for the ticket, when Kerberos' programs are on this machine. */
async function withPrograms<Result>(task: () => Result): Promise<Result> {
  try {
    await checkKerberosPrograms();
    return task();
  } catch (error) {
    const reason = errorText(error);
    throw new GssapiUnavailableError(
      `GSSAPI needs Kerberos' programs kinit, kvno and klist (Debian: krb5-user, Red Hat: krb5-workstation) and a folder for the ticket: ${reason}; ${FOR_IMAGES}`,
    );
  }
}
