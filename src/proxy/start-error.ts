/** The proxy cannot start. The message tells an operator why, and how to repair it. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
