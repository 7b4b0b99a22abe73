import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { packageFolder } from './support/packages/package-folder.ts';

/** The version of http2kafka, from its `package.json`. */
export const version = Value.Parse(
  Type.Object({ version: Type.String() }),
  JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')),
).version;
