/** What the error messages of MIT Kerberos mean for an operator. */

/** The cause. Repeated attempts with wrong credentials can make a directory lock the account. */
export type Cause = 'credentials' | 'other';

export interface TicketFailure {
  readonly cause: Cause;
  /** For an operator, without names or addresses. */
  readonly problem: string;
}

/** MIT's messages (its krb5_err, k5e1_err and kt_err tables), by a part of each; the first match counts. */
const MEANINGS: readonly (readonly [RegExp, Cause, string])[] = [
  [
    /Cannot contact any KDC|Cannot resolve network address for KDC|no answer within/,
    'other',
    'no KDC answers',
  ],
  [
    /Cannot find KDC|default realm/,
    'other',
    'no KDC is known for the realm (kafka.security.realm, krb5.conf)',
  ],
  [
    /Clock skew too great|Ticket not yet valid/,
    'other',
    "this machine's clock and that of the KDC or the broker differ by more than Kerberos allows, 5 minutes by default",
  ],
  [/Password (?:has )?expired/i, 'credentials', 'the password has expired (kafka.security.password)'],
  [
    /credentials have been revoked/,
    'credentials',
    'the principal is locked or disabled (kafka.security.principal)',
  ],
  [
    /entry in database has expired/,
    'credentials',
    'the principal is no longer valid (kafka.security.principal)',
  ],
  [
    /Client .*not found in Kerberos database/,
    'credentials',
    'the KDC does not know the principal (kafka.security.principal)',
  ],
  [/no suitable keys/, 'other', 'the keytab has no key for the principal (kafka.security.keytab)'],
  [/key ?table|keytab/i, 'other', 'the keytab cannot be read (kafka.security.keytab)'],
];

const WRONG_SECRET = /Password incorrect|Preauthentication failed|Decrypt integrity check failed/i;

/** What a message about the principal's own ticket means. */
export function explainTicketFailure(message: string, hasKeytab: boolean): TicketFailure {
  if (WRONG_SECRET.test(message)) {
    const problem = hasKeytab
      ? 'the KDC does not accept the key in the keytab: the KDC has a newer key (kafka.security.keytab)'
      : 'the KDC does not accept the password (kafka.security.password)';
    return { cause: 'credentials', problem };
  }
  for (const [pattern, cause, problem] of MEANINGS) if (pattern.test(message)) return { cause, problem };
  return { cause: 'other', problem: 'the KDC gives no ticket: the log has its message' };
}

/** True when the KDC does not know the broker that a ticket was requested for. */
export function isUnknownService(message: string): boolean {
  return message.includes('not found in Kerberos database');
}

/** What a message about a ticket to a broker means. */
export function explainServiceFailure(message: string, hasKeytab: boolean): string {
  return isUnknownService(message)
    ? 'the KDC does not know the broker as a service (kafka.security.service_name, or the host name that the broker advertises)'
    : explainTicketFailure(message, hasKeytab).problem;
}
