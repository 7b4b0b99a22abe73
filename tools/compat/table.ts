/** All that `make compat` tries, in the order of the page. */
import { brokers } from './brokers/trial.ts';
import { clients } from './clients/table.ts';
import { debezium } from './clients/debezium.ts';
import { trialOf } from './clients/trial.ts';
import { consumers } from './consumers/table.ts';
import { dataRentgen } from './data-rentgen/trial.ts';
import { loadBalancers } from './load-balancers/trial.ts';
import { mistakeTrials } from './mistakes/trial.ts';
import { profiles } from './profiles/trial.ts';
import { schemathesis } from './schemathesis/trial.ts';
import type { Trial } from './trial.ts';

export const trials: readonly Trial[] = [
  ...brokers,
  ...consumers,
  ...clients.map(trialOf),
  debezium,
  ...mistakeTrials,
  ...loadBalancers,
  schemathesis,
  dataRentgen,
  ...profiles,
];
