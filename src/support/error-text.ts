/** An unknown error as text. What is thrown need not be an Error. */

/** The error's own message. It may name a path or an address. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Node's or a library's code for the error, such as `ENOSPC`; undefined where it has none. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Whether the file system refuses it to the user of this process. */
export function isForbidden(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(errorCode(error) ?? '');
}

/** The user of this process, as an operator names it to `chown`. */
export function ownUser(): string {
  return String(process.getuid?.() ?? 'of this process');
}
