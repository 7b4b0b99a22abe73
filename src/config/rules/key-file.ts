/** The private key in a file that a setting names. */
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { PrivateKeyError, privateKeyIn } from '../../support/pem.ts';
import type { SettingName } from '../schema/schema.ts';
import { isReadableFile, notReadable } from './rule.ts';

/** The key, or what is wrong with the file, never its content. `passwordName` is the setting of the password. */
export function keyIn(
  path: string,
  password: string | undefined,
  passwordName: SettingName,
): KeyObject | string {
  if (!isReadableFile(path)) return notReadable(path);
  try {
    return privateKeyIn(readFileSync(path, 'latin1'), password);
  } catch (error) {
    if (!(error instanceof PrivateKeyError)) throw error;
    const problems: Readonly<Record<PrivateKeyError['reason'], string>> = {
      'no-password': `it is encrypted; set ${passwordName}`,
      'wrong-password': `${passwordName} does not open it`,
      'no-key': 'it is not a private key (PEM)',
    };
    return `the private key in '${path}' cannot be read: ${problems[error.reason]}`;
  }
}
