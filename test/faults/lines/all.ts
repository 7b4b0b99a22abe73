import type { Line } from '../line.ts';
import {
  brokerKilled,
  frozenInTurn,
  kafkaComesLater,
  killedInTurn,
  notEnoughReplicas,
  rollingRestart,
  rollingUpgrade,
} from './broker-lines.ts';
import { clockSetBack, clockSetForward } from './clock-lines.ts';
import { container256, container512 } from './container-lines.ts';
import { damagedSegment, diskFull, spoolFull } from './disk-lines.ts';
import { fullSpoolManyClients, hostileBodies } from './fairness-lines.ts';
import { longOutage } from './long-outage.ts';
import { corruptBatch, halfOpen, lossyNetwork, narrowNetwork, slowNetwork } from './network-lines.ts';
import { wrongPassword } from './login-lines.ts';
import { deadLetterWaits, parkedTooOld } from './parked-lines.ts';
import {
  noKafkaConfigured,
  proxyKilled,
  proxyKilledInOutage,
  proxyKilledWhileDraining,
  proxyStoppedInOutage,
} from './proxy-lines.ts';
import { timesFarOff, tooLarge } from './record-lines.ts';
import {
  compressionRefused,
  everyRecordRefused,
  timesBeyondBrokerLimit,
  timesBeyondTopicLimit,
} from './refusal-lines.ts';
import { partitionsMoved, topicMissing, writesDenied } from './topic-lines.ts';

/** In the order in which `make faults` runs them. */
export const lines: readonly Line[] = [
  brokerKilled,
  killedInTurn,
  frozenInTurn,
  rollingRestart,
  rollingUpgrade,
  notEnoughReplicas,
  partitionsMoved,
  proxyKilled,
  proxyKilledInOutage,
  proxyStoppedInOutage,
  proxyKilledWhileDraining,
  kafkaComesLater,
  noKafkaConfigured,
  topicMissing,
  writesDenied,
  wrongPassword,
  diskFull,
  spoolFull,
  fullSpoolManyClients,
  hostileBodies,
  damagedSegment,
  tooLarge,
  timesFarOff,
  timesBeyondTopicLimit,
  timesBeyondBrokerLimit,
  compressionRefused,
  everyRecordRefused,
  parkedTooOld,
  deadLetterWaits,
  corruptBatch,
  slowNetwork,
  narrowNetwork,
  lossyNetwork,
  halfOpen,
  clockSetBack,
  clockSetForward,
  container256,
  container512,
  longOutage,
];
