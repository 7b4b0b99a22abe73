import type { Line } from '../line.ts';
import { compose } from './compose-lines.ts';
import { image } from './image-lines.ts';
import { listeners } from './listener-lines.ts';
import { memory256, memory512 } from './memory-lines.ts';
import { anyUser, halfCore, outage, restart } from './outage-lines.ts';
import { upgrade } from './upgrade-lines.ts';

/** All lines. The broker of docker-compose.yml runs before the first, with volumes of its own. */
export const lines: readonly Line[] = [
  image,
  compose,
  outage,
  restart,
  upgrade,
  anyUser,
  listeners,
  halfCore,
  memory256,
  memory512,
];
