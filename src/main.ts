/**
 * The entry of the program. It looks at Node's version before it loads anything else, for the rest would fail on an
 * older one with an error that tells a user nothing. So this file keeps to what old versions know, too.
 */
import { setFlagsFromString } from 'node:v8';

const required = 26;

// V8 sees that some objects live long when it is busy, and from then on makes all of their kind among the old ones, where
// each event that is done with keeps what it held, body and all, until everything is collected: measured, a third more
// work for an event, and thrice the pauses.
setFlagsFromString('--no-allocation-site-pretenuring');

if (Number.parseInt(process.versions.node, 10) < required) {
  console.error(`http2kafka needs Node ${required} or newer; this is Node ${process.versions.node}.`);
  process.exitCode = 1;
} else {
  const { run } = await import('./cli.ts');
  await run(process.argv.slice(2));
}
