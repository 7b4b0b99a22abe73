/** Dead letters of a release of Kafka: a replay sends each to its topics once, and a second one sends nothing. */
import { invalidHeaders, writeLetters } from '../../../test/broker/dead-letters/letters.ts';
import { ranProgram } from '../../../test/config/child.ts';
import { runEvent } from '../../../test/stage/sample-events.ts';
import { readRecords } from '../../kafka/records.ts';
import { createTopic } from '../../kafka/topics.ts';

const LETTERS = 20;
const [DEAD, MAIN, COPIES] = ['replay.letters', 'replay.main', 'replay.copies'] as const;

/** `yes`, or what is wrong. */
export async function replayed(bootstrapServers: string): Promise<string> {
  for (const name of [DEAD, MAIN, COPIES]) await createTopic(bootstrapServers, { name, partitions: 2 });
  const headers = invalidHeaders('body.run.runId: Field required', 'missing', 'alice');
  const events = Array.from({ length: LETTERS }, (_, number) => runEvent(`replay ${number}`));
  await writeLetters(
    bootstrapServers,
    DEAD,
    events.map((value, number) => ({ value, headers, partition: number % 2 })),
  );
  const settings = {
    HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: bootstrapServers,
    HTTP2KAFKA__PRODUCER__MAIN_TOPIC: MAIN,
    HTTP2KAFKA__ROUTING__RULES: JSON.stringify([{ name: 'both', topics: [MAIN, COPIES] }]),
  };
  for (let round = 0; round < 2; round++) {
    const { status, stderr } = await ranProgram(['dead-letters', 'replay', '--topic', DEAD], settings);
    if (status !== 0) return `no: ${stderr.trim()}`;
  }
  for (const topic of [MAIN, COPIES]) {
    const values = (await readRecords(bootstrapServers, topic)).map(({ value }) => String(value));
    const isAll = events.every((event) => values.includes(event.toString()));
    if (!isAll || values.length !== LETTERS) return `no: ${values.length} records of ${LETTERS} in ${topic}`;
  }
  return 'yes';
}
