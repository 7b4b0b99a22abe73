/** Lists of routing rules that a day may have. None fits the probes, which show that the main topic takes events. */
import type { Written } from './rules-file.ts';
import { COPIES, LATE, ROUTED } from './topics.ts';

const ALL = 'sender-*';

export const RULE_LISTS: readonly Written[] = [
  [
    { name: 'jobs', when: { kind: ['job', 'dataset'], name: ALL }, topics: ROUTED },
    { name: 'children', when: { name: '*-child' }, topics: [COPIES, 'events'] },
  ],
  [
    { name: 'both', when: { name: ['sender-0*', 'sender-2*'] }, topics: [ROUTED, 'events'] },
    { name: 'noise', when: { name: 'sender-1*' }, drop: true },
  ],
  [
    { name: 'forbidden', when: { name: 'sender-0*' }, refuse: 'not today' },
    { name: 'aside', when: { name: 'sender-1*', event_type: 'RUNNING' }, dead_letter: 'for later' },
    { name: 'all', when: { name: ALL }, topics: ['events', COPIES, ROUTED] },
  ],
  [
    { name: 'large', when: { name: ALL, min_bytes: 1000 }, topics: ROUTED },
    { name: 'written', when: { name: ALL, output_namespace: 'ware*' }, topics: [ROUTED, COPIES] },
    { name: 'rest', when: { producer: 'https://example.com/*', name: ALL }, topics: COPIES },
  ],
  [{ name: 'not-there', when: { name: ['sender-0*', 'sender-3*'] }, topics: [LATE, 'events'] }],
  'broken',
];

/** Lists at the end of a change. */
export const LAST_LISTS: readonly Written[] = [[], ...RULE_LISTS.filter((one) => one !== 'broken')];
