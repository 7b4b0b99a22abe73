import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { explainServiceFailure, explainTicketFailure } from '../../../src/kafka/login/kerberos-errors.ts';

// The messages of kinit, kvno and libgssapi_krb5 of MIT Kerberos 1.20. On one machine, clocks cannot differ.
const MESSAGES: readonly (readonly [string, boolean, RegExp])[] = [
  ["Cannot contact any KDC for realm 'A.B' while getting initial credentials", true, /^no KDC answers$/],
  ['no answer within 15 s', false, /^no KDC answers$/],
  ['Cannot find KDC for realm "A.B" while getting initial credentials', true, /^no KDC is known/],
  ['Configuration file does not specify default realm when parsing name a', true, /^no KDC is known/],
  ['Clock skew too great while getting initial credentials', true, /clock/],
  ['Unspecified GSS failure.  Minor code may provide more information: Clock skew too great', true, /clock/],
  ['Password incorrect while getting initial credentials', false, /does not accept the password/],
  ['Preauthentication failed while getting initial credentials', false, /does not accept the password/],
  [
    'Preauthentication failed while getting initial credentials',
    true,
    /does not accept the key in the keytab/,
  ],
  ["Client's credentials have been revoked while getting initial credentials", false, /locked or disabled/],
  ["Client 'a@A.B' not found in Kerberos database while getting initial credentials", false, /principal/],
  ['Keytab contains no suitable keys for a@A.B while getting initial credentials', true, /has no key/],
  ["Key table file '/a' not found while getting initial credentials", true, /cannot be read/],
  ['Password expired while getting initial credentials', false, /has expired/],
  ['something new', false, /the log has its message/],
];

suite('error messages of Kerberos', () => {
  for (const [message, hasKeytab, expected] of MESSAGES) {
    test(`"${message}", ${hasKeytab ? 'keytab' : 'password'}`, () => {
      assert.match(explainTicketFailure(message, hasKeytab).problem, expected);
    });
  }

  test('about credentials are distinguished, because attempts may lock the account', () => {
    assert.equal(explainTicketFailure('Preauthentication failed', false).cause, 'credentials');
    assert.equal(explainTicketFailure('Cannot contact any KDC', false).cause, 'other');
  });

  test('about a service name the service', () => {
    const message = 'Server kafka/a@A.B not found in Kerberos database while getting credentials';
    assert.match(explainServiceFailure(message, true), /does not know the broker/);
    assert.match(explainServiceFailure("Cannot contact any KDC for realm 'A.B'", true), /^no KDC answers$/);
  });
});
