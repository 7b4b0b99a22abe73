/**
 * The entry of the program. It checks the version of Node before it loads the rest.
 * On an older Node the rest would fail with an error that does not help a user.
 * So this file uses only what older versions also support.
 */
import { setFlagsFromString } from 'node:v8';

const required = 26;

// Under load V8 sees some objects live long, and then allocates all objects of that kind in the old generation.
// There a finished event holds its memory, with its body, until the next full garbage collection.
// Measured: one third more work for each event, and three times the pauses.
setFlagsFromString('--no-allocation-site-pretenuring');

// A small buffer in the pool pins its whole slab of the pool. Node's slabs have 64 KiB, and a key has 40 bytes.
Buffer.poolSize = 8192;

if (Number.parseInt(process.versions.node, 10) < required) {
  console.error(`http2kafka needs Node ${required} or newer; this is Node ${process.versions.node}.`);
  process.exitCode = 1;
} else {
  const { run } = await import('./cli.ts');
  await run(process.argv.slice(2));
}
