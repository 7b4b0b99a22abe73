/**
 * Writes fixtures/version-3: events of several topics, as a kill leaves them. Run it once: later versions must read the
 * fixture for ever. Topic `a` has a segment of version 2 with the bytes of the events, topic `b` has one of version 3.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { Mark } from '../../src/spool/marks.ts';
import { SharedBody } from '../../src/spool/shared/shared-body.ts';
import { Spool } from '../../src/spool/spool.ts';
import type { Place } from '../../src/spool/group-writer.ts';
import { SHARED_EVENTS, SHARED_FIXTURE } from './fixture.ts';

await rm(SHARED_FIXTURE, { recursive: true, force: true });
const spool = await Spool.open({ path: SHARED_FIXTURE, maxBytes: Infinity }, console.error);
for (const { arrivedAt, payload, topics, delivered } of SHARED_EVENTS) {
  const shared = topics.length > 1 ? new SharedBody() : undefined;
  for (const topic of topics) {
    const log = spool.log(topic);
    const { promise, resolve, reject } = Promise.withResolvers<Place>();
    const failed = (reason: string) => reject(new Error(reason));
    log.append({ parts: [payload], arrivedAt, mark: Mark.kept, shared, kept: resolve, failed });
    const place = await promise;
    if (delivered === topic) log.mark(place, Mark.delivered);
  }
}
for (const topic of spool.topics) await spool.log(topic).settled();
for (const file of ['lock.sqlite', 'lock.sqlite-journal', 'owner'])
  await rm(join(SHARED_FIXTURE, file), { force: true });
// The spool is not closed, so that the process seems killed.
process.exit();
