import { section, setting } from './declaration.ts';
import { optional } from './kind.ts';
import { filePath } from './text-kinds.ts';
import { RuleList, ruleList } from './routing-rule.ts';

/** Which event goes where. */
export const routing = section(
  'Routing: which events go to which topic, are refused or are dropped. [Routing](routing.md) has the form of a rule, and examples.',
  {
    rules: setting(ruleList, {
      default: new RuleList([], []),
      description:
        'The rules, in the order in which they are tried. The first rule that fits an event decides. An event that no rule fits goes to `producer.main_topic`.',
    }),
    file: setting(optional(filePath), {
      default: undefined,
      description:
        'YAML or JSON file with a list `rules`, in place of `routing.rules`. The proxy reads it again when it has changed and come to rest.',
      flags: [{ name: '--routing-file', argument: 'path' }],
    }),
  },
);
