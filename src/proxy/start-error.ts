/** Why the proxy cannot start, in words for an operator, who can mend it. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
