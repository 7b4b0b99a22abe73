/**
 * The logins (SASL) of the Kafka client, with three checks that it lacks. An answer that is not SCRAM would end the process. An unlimited
 * count of iterations would block the threads that sync the spool. A session of more than 24 days would log in again without end.
 */
import {
  ProtocolError,
  saslOAuthBearer,
  saslPlain,
  saslScramSha,
  type saslAuthenticateV2,
  type SASLCustomAuthenticator,
} from '@platformatic/kafka';
import { errorText } from '../../support/error-text.ts';
import { BrokerError, causesOf, textOf } from '../broker-error.ts';
import type { OauthToken } from './oauth-token.ts';

type Send = saslAuthenticateV2.SASLAuthenticationAPI;

/** Kafka's own limit is 16,384 (`ScramMechanism`). This many take a thread a twentieth of a second. */
const MAX_ITERATIONS = 100_000;

/** Milliseconds: with a longer delay Node's timers fire at once. The client logs in again at 80 % of a session. */
const MAX_SESSION_MS = 2n ** 31n - 1n;

const REFUSED = 'SASL_AUTHENTICATION_FAILED';

export function plainLogin(user: string, password: string): SASLCustomAuthenticator {
  return (_mechanism, connection, send, _user, _password, _token, callback) => {
    saslPlain.authenticate(send, connection, user, password, callback);
  };
}

export function scramLogin(
  algorithm: saslScramSha.ScramAlgorithm,
  user: string,
  password: string,
): SASLCustomAuthenticator {
  return (_mechanism, connection, send, _user, _password, _token, callback) => {
    const guarded = guardedSend(send);
    saslScramSha.authenticate(guarded, connection, algorithm, user, password, CRYPTO, callback);
  };
}

/** `extensions` are those of KIP-342. */
export function tokenLogin(
  token: OauthToken,
  extensions: Readonly<Record<string, string>>,
): SASLCustomAuthenticator {
  return (_mechanism, connection, send, _user, _password, _token, callback) => {
    const current = () => token.current();
    saslOAuthBearer.authenticate(send, connection, current, { ...extensions }, (error, answer) => {
      const refusal = error ?? refusalIn(answer?.authBytes);
      if (refusal && isRefused(refusal)) token.refused();
      callback(refusal, answer);
    });
  };
}

/** RFC 7628, 3.2.2: a broker refuses a token in a challenge, as JSON, without an error code. Success has no bytes. */
function refusalIn(bytes: Buffer | undefined): Error | null {
  return bytes && bytes.length > 0 ? new ProtocolError(REFUSED, bytes.toString()) : null;
}

function isRefused(error: Error): boolean {
  return [...causesOf(error)].some((one) => textOf(one, 'apiId') === REFUSED);
}

/** A login with a session that is never longer than the client's timers. */
export function bounded(login: SASLCustomAuthenticator): SASLCustomAuthenticator {
  return (mechanism, connection, send, user, password, token, callback) => {
    login(mechanism, connection, send, user, password, token, (error, answer) => {
      const isLong = (answer?.sessionLifetimeMs ?? 0n) > MAX_SESSION_MS;
      callback(error, answer && isLong ? { ...answer, sessionLifetimeMs: MAX_SESSION_MS } : answer);
    });
  };
}

const CRYPTO: saslScramSha.ScramCryptoModule = {
  ...saslScramSha.defaultCrypto,
  hi: async (definition, password, salt, iterations) => {
    if (iterations <= MAX_ITERATIONS) return saslScramSha.hi(definition, password, salt, iterations);
    const problem = `the broker requires more than ${MAX_ITERATIONS} iterations for a login by SCRAM`;
    throw new BrokerError(`SCRAM: ${iterations} iterations`, problem, true);
  },
};

/** Makes the login fail when the client cannot parse an answer. Otherwise it would throw where no code catches it. */
function guardedSend(send: Send): Send {
  const guarded: typeof send = Object.assign(
    (...[connection, bytes, callback]: Parameters<Send>) => {
      send(connection, bytes, (error, answer) => {
        try {
          callback?.(error, answer);
        } catch (thrown) {
          const reason = errorText(thrown);
          const problem =
            'the broker answers the login with something that is not SCRAM (kafka.security.type)';
          callback?.(new BrokerError(`SCRAM: ${reason}`, problem, true));
        }
      });
    },
    { async: send.async, key: send.key, version: send.version },
  );
  return guarded;
}
