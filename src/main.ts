/**
 * The entry of the program. It looks at Node's version before it loads anything else, for the rest would fail on an
 * older one with an error that tells a user nothing. So this file keeps to what old versions know, too.
 */
const required = 26;

if (Number.parseInt(process.versions.node, 10) < required) {
  console.error(`http2kafka needs Node ${required} or newer; this is Node ${process.versions.node}.`);
  process.exitCode = 1;
} else {
  const { run } = await import('./cli.ts');
  await run(process.argv.slice(2));
}

export {};
