/**
 * Secrets in files, as Docker and Kubernetes give them: for each secret setting there is one more name, with `_file` at its
 * end, whose value is a path.
 */
import { readFileSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import type { Fault } from '../configuration-error.ts';
import type { Written } from './source.ts';

/** The secret that a file has, without the line end that editors put behind it; or why there is none. */
export function readSecret({ value, place }: Written): string | Fault {
  if (typeof value !== 'string' || value === '') return { place, message: 'the path of a file was expected' };
  const text = readText(value, place);
  if (typeof text !== 'string') return text;
  const secret = text.replace(/\r?\n$/, '');
  return secret === '' ? { place, message: `'${value}' is empty` } : secret;
}

/** A file's text, or why it cannot be read. */
export function readText(path: string, place = path): string | Fault {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const named = place === path ? '' : `'${path}' `;
    return { place, message: `${named}cannot be read: ${systemReason(error)}` };
  }
}

/** The system's words for a failed call: `no such file or directory`. */
function systemReason(error: unknown): string {
  const errno = error instanceof Error && 'errno' in error ? error.errno : undefined;
  const [, words] = (typeof errno === 'number' ? getSystemErrorMap().get(errno) : undefined) ?? [];
  return words ?? 'unknown reason';
}
