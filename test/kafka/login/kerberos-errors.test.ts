import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { explainServiceFailure, explainTicketFailure } from '../../../src/kafka/login/kerberos-errors.ts';

// As kinit, kvno and libgssapi_krb5 of MIT Kerberos 1.20 word them; the clocks of one machine cannot be made to differ.
const COMPLAINTS: readonly (readonly [string, boolean, RegExp])[] = [
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

suite("Kerberos' complaints", () => {
  for (const [complaint, hasKeytab, expected] of COMPLAINTS) {
    test(`"${complaint}", ${hasKeytab ? 'keytab' : 'password'}`, () => {
      assert.match(explainTicketFailure(complaint, hasKeytab).problem, expected);
    });
  }

  test('about credentials are told from others, as a try may lock the account', () => {
    assert.equal(explainTicketFailure('Preauthentication failed', false).cause, 'credentials');
    assert.equal(explainTicketFailure('Cannot contact any KDC', false).cause, 'other');
  });

  test('about a service are about the service', () => {
    const complaint = 'Server kafka/a@A.B not found in Kerberos database while getting credentials';
    assert.match(explainServiceFailure(complaint, true), /does not know the broker/);
    assert.match(explainServiceFailure("Cannot contact any KDC for realm 'A.B'", true), /^no KDC answers$/);
  });
});
