/** The way of one event through a day, in words. */
import { errorCodeOf } from '../../../src/kafka/error-code.ts';
import type { Post } from '../sender.ts';
import type { World } from '../world.ts';

/** Tells when the event was posted, sent, written and found on disk. */
export function tellEvent(world: World, posts: readonly Post[], id: string): void {
  const lines: { at: number; text: string }[] = [];
  const add = (at: number, text: string) => void lines.push({ at, text: `${id} ${text}` });
  for (const { requestId, process, topic, postedAt, answeredAt, outcome, refusal = '' } of posts) {
    if (requestId !== id) continue;
    add(postedAt, `is posted to process ${process} for ${topic}`);
    if (answeredAt !== undefined) add(answeredAt, `is answered: ${outcome ?? ''} ${refusal}`);
  }
  for (const { number, client, found, startedAt } of world.processes) {
    for (const { path, isSent, requestId } of found)
      if (requestId === id)
        add(startedAt, `is in ${path}${isSent ? ', sent,' : ''} as process ${number} starts`);
    for (const one of client.sendings.filter(({ requestIds }) => requestIds.includes(id))) {
      const batch = `${one.topic} ${one.partition}, sequence ${one.sequence} of ${one.producerId}`;
      add(one.at, `is sent by process ${number} to ${batch}, with ${one.requestIds.length - 1} others`);
      if (one.heardAt === undefined) continue;
      const code = one.errorCode === undefined ? 'nothing' : errorCodeOf(one.errorCode).name;
      add(one.heardAt, `process ${number} hears ${code} of it`);
    }
  }
  for (const { topic, entry } of world.cluster.entries) {
    if (entry.commit === undefined || !entry.batch.records.some(({ requestId }) => requestId === id))
      continue;
    add(world.cluster.commitTimes[entry.commit - 1] ?? 0, `is written to ${topic}`);
  }
  for (const one of world.decisions)
    if (one.requestId === id) add(one.at, `an operator hears: ${one.outcome}`);
  for (const { at, text } of lines.sort((a, b) => a.at - b.at)) world.tell(text, at);
}
