/** `http2kafka token page-user`: a user of the page at `/`, with a password that is made at random. */
import { randomBytes, scryptSync } from 'node:crypto';
import { pageUser } from '../../config/schema/text-kinds.ts';
import { WRONG_USAGE } from '../command.ts';

/** The cost of scrypt: 16 MiB and some 50 ms for each attempt (RFC 7914 §2). */
const COST = 2 ** 14;

/** Prints a new password, which is the only line on standard output. Returns the exit code. */
export function makePageUser(name: string): number {
  // 144 bits: no cost of the hash would be needed.
  const password = randomBytes(18).toString('base64url');
  const salt = randomBytes(16);
  const hash = scryptSync(password, salt, 32, { N: COST, r: 8, p: 1 });
  const user = `${name}:scrypt:${COST}:${salt.toString('base64url')}:${hash.toString('base64url')}`;
  if (!pageUser.holds(user)) {
    console.error('a name has 1 to 64 characters, without a colon, a comma or a space');
    return WRONG_USAGE;
  }
  console.log(password);
  console.error(
    '# The password is stored nowhere: give it to its user now. For several users, put commas between them.',
  );
  console.error(`HTTP2KAFKA__SERVER__PAGE__USERS='${user}'`);
  return 0;
}
