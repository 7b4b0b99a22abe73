import { setScramPassword } from '../../../tools/kafka/users.ts';
import type { Line } from '../line.ts';

const USER = 'proxy';
const PASSWORD = 'right';

const SCRAM = {
  'listener.name.scram.sasl.enabled.mechanisms': 'SCRAM-SHA-256',
  'listener.name.scram.scram-sha-256.sasl.jaas.config':
    'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  // Each connection logs in again every two seconds. Without that, open connections would not meet the new password.
  'listener.name.scram.connections.max.reauth.ms': '2000',
};

export const wrongPassword: Line = {
  name: 'wrong-password',
  what: 'the broker expects another password, and then the right one again',
  run: async (scene) => {
    const broker = await scene.startBroker({ listeners: { SCRAM: 'SASL_PLAINTEXT' }, properties: SCRAM });
    await setScramPassword(scene.servers, USER, PASSWORD);
    await scene.createTopic();
    const proxy = await scene.startProxy({
      KAFKA__BOOTSTRAP_SERVERS: broker.listeners['SCRAM'] ?? '',
      KAFKA__SECURITY__TYPE: 'SCRAM-SHA-256',
      KAFKA__SECURITY__USER: USER,
      KAFKA__SECURITY__PASSWORD: PASSWORD,
    });
    scene.startLoad();
    await scene.flow();
    await setScramPassword(scene.servers, USER, 'another');
    await scene.until('the refusal of the login', () => proxy.log.includes('Kafka refuses the login'));
    await scene.outage();
    scene.expect(scene.ledger.keptIn('spool') > 0, 'nothing was spooled: was no login refused?');
    await setScramPassword(scene.servers, USER, PASSWORD);
    await scene.flow();
  },
};
