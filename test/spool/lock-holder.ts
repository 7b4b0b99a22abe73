/** Opens the spool at this path, prints the result, and keeps the spool open until it is killed. */
import { Spool } from '../../src/spool/spool.ts';

try {
  await Spool.open({ path: process.argv[2] ?? '', maxBytes: 1_000_000 }, () => undefined);
  console.log('open');
  setInterval(() => undefined, 1000);
} catch (error) {
  console.log(String(error));
}
