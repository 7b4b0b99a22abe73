/** Changes of what decides where an event goes: the file of routing rules, and the level of the check. */
import { CONSUMERS, LEVELS } from '../places/levels.ts';
import { LAST_LISTS, RULE_LISTS } from '../places/rule-lists.ts';
import { lasting, pick, type Fault } from './fault.ts';

const rulesChange = lasting(
  ({ choice }) => `the file of routing rules is changed: ${JSON.stringify(pick(RULE_LISTS, choice))}`,
  ({ world }, { choice }) => world.rules?.write(pick(RULE_LISTS, choice)),
  ({ world }, { choice }) => world.rules?.write(pick(LAST_LISTS, choice >> 4)),
);

const levelChanges: Fault = {
  what: ({ choice }) =>
    `the proxy is started again with the level ${pick(LEVELS, choice)}, and then as before`,
  async run({ choice, forMs }, scene) {
    const { world } = scene;
    if (!world.proxy) return;
    const { checkLevel, consumers } = scene.settings;
    const others = { checkLevel: pick(LEVELS, choice), consumers: pick(CONSUMERS, choice >> 3) };
    await world.stop();
    await scene.restart({ ...scene.settings, ...others });
    await world.pass(forMs);
    await world.stop();
    await scene.restart({ ...scene.settings, checkLevel, consumers });
  },
};

export const placeFaults = {
  'rules-change': rulesChange,
  'level-changes': levelChanges,
} satisfies Record<string, Fault>;
