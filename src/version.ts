import { readFileSync } from 'node:fs';
import { Type } from 'typebox';
import { Value } from 'typebox/value';

/** The version of http2kafka: that of the package, which is one folder up from `src/` and `dist/` alike. */
export const version = Value.Parse(
  Type.Object({ version: Type.String() }),
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')),
).version;
