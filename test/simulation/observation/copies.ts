/** Events of further topics. They are judged as those of the main topic are. */
import type { EventDelivery } from '../../../src/delivery/port.ts';
import type { KafkaRecord } from '../../../src/kafka/record.ts';
import { mayBeLost } from '../allowances.ts';
import type { BatchRecord } from '../cluster/batch-content.ts';
import { COPIES } from '../places/topics.ts';
import type { Post } from '../sender.ts';
import type { World } from '../world.ts';

/** The senders of these names, by their requests. */
export function isOf(senders: readonly string[], requestId: string): boolean {
  return senders.includes(requestId.replace(/-\d+-\d+$/, ''));
}

/** A delivery that sends the events of these senders to both topics; every other one in the other order. */
export function copying(
  delivery: EventDelivery,
  senders: readonly string[],
  mainTopic: string,
): EventDelivery {
  return {
    deliver(record: KafkaRecord) {
      const requestId = requestIdOf(record);
      if (record.topic !== mainTopic || !isOf(senders, requestId)) return delivery.deliver(record);
      const topics = [mainTopic, COPIES];
      const [number = '0'] = /\d+(?=-\d+$)/.exec(requestId) ?? [];
      return delivery.deliverToAll(record, Number(number) % 2 === 0 ? topics : topics.reverse());
    },
    deliverToAll: (record, topics) => delivery.deliverToAll(record, topics),
  };
}

/** A kept event is in a further topic that it belongs to, as it was posted. */
export function judgeFurther(
  world: World,
  topic: string,
  posts: readonly Post[],
  byId: ReadonlyMap<string, readonly BatchRecord[]>,
): void {
  for (const { requestId, outcome, event } of posts) {
    const found = byId.get(requestId) ?? [];
    const isKept = outcome === 'acknowledged' || outcome === 'spooled';
    // A damaged reference names no request.
    if (isKept && found.length === 0 && !mayBeLost(world, requestId) && world.destroyed === '')
      world.violate(`${requestId} is ${outcome}, and it is lost for ${topic}`);
    if (found.some(({ value, key }) => !value.equals(event.bytes) || key !== event.key))
      world.violate(`${requestId} has another key or other bytes in ${topic}`);
  }
}

function requestIdOf({ headers }: KafkaRecord): string {
  return headers.find(({ name }) => name.toString() === 'correlation_id')?.value.toString() ?? '';
}
