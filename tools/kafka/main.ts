// A Kafka in the foreground: node tools/kafka/main.ts [--port 9092] [--folder .run/kafka/data]
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBroker } from './broker.ts';
import { MissingToolError } from './java.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9092' },
    folder: { type: 'string', default: join(import.meta.dirname, '..', '..', '.run', 'kafka', 'data') },
  },
});

let wanted = true;
process.once('SIGINT', () => (wanted = false));
process.once('SIGTERM', () => (wanted = false));

try {
  const broker = await startBroker({ port: Number(values.port), folder: values.folder });
  console.log(
    `Kafka listens on ${broker.bootstrapServers}, its data is in ${broker.folder}. Ctrl-C stops it.`,
  );
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- a signal changes it
  while (wanted && broker.running) await sleep(100);
  if (!broker.running)
    throw new Error(`Kafka has ended by itself; ${join(broker.folder, 'broker.log')} may say why.`);
  await broker.stop();
} catch (error) {
  console.error(error instanceof MissingToolError ? error.message : error);
  process.exitCode = 1;
}
