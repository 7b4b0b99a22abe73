/** Reads a topic with kafkajs: prints the number of records. Arguments: bootstrap server, topic, number to wait for. */
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [, , server, topic, wanted, packages] = process.argv;
const require = createRequire(join(packages, 'index.js'));
const { Kafka, logLevel } = require('kafkajs');
const { version } = require('kafkajs/package.json');
const kafka = new Kafka({
  clientId: 'compat',
  brokers: [server],
  logLevel: logLevel.NOTHING,
  retry: { retries: 5 },
});
const consumer = kafka.consumer({ groupId: `compat-${Date.now()}` });
let count = 0;
const end = (code, text) => {
  console.log(text);
  process.exit(code);
};
setTimeout(() => end(1, `${version} ${count} after 20 s`), 20_000);
consumer.on('consumer.crash', ({ payload }) => end(1, payload.error.message));
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  eachMessage: ({ message }) => {
    if (message.value[0] !== 0x7b) end(1, 'not the posted bytes');
    count += 1;
    if (count === Number(wanted)) end(0, `${version} ${count}`);
  },
});
