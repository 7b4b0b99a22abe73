/** What Kerberos' complaints mean for somebody who has to mend it. */

/** Whose fault it is. A directory may lock an account whose credentials are wrong again and again. */
export type Blame = 'credentials' | 'other';

export interface Complaint {
  readonly blame: Blame;
  /** In words for an operator, without names or addresses. */
  readonly problem: string;
}

/** MIT's messages (its krb5_err, k5e1_err and kt_err tables) by a part of them; the first that fits is taken. */
const MEANINGS: readonly (readonly [RegExp, Blame, string])[] = [
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

/** What a complaint about the principal's own ticket means. */
export function explainTicketFailure(complaint: string, hasKeytab: boolean): Complaint {
  if (WRONG_SECRET.test(complaint)) {
    const problem = hasKeytab
      ? 'the KDC does not accept the key in the keytab: it has another by now (kafka.security.keytab)'
      : 'the KDC does not accept the password (kafka.security.password)';
    return { blame: 'credentials', problem };
  }
  for (const [pattern, blame, problem] of MEANINGS) if (pattern.test(complaint)) return { blame, problem };
  return { blame: 'other', problem: 'the KDC gives no ticket: the log has its words' };
}

/** Does the KDC not know the broker, of all whose ticket was wanted? */
export function isUnknownService(complaint: string): boolean {
  return complaint.includes('not found in Kerberos database');
}

/** What a complaint about a ticket to a broker means. */
export function explainServiceFailure(complaint: string, hasKeytab: boolean): string {
  return isUnknownService(complaint)
    ? 'the KDC does not know the broker as a service (kafka.security.service_name, or the host name that the broker advertises)'
    : explainTicketFailure(complaint, hasKeytab).problem;
}
