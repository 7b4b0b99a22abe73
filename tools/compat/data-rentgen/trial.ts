import type { Trial } from '../trial.ts';
export const dataRentgen: Trial = {
  name: 'data-rentgen',
  group: 'data-rentgen',
  label: 'data-rentgen',
  version: () => '',
  install: () => Promise.resolve(),
  run: () => Promise.resolve({ ok: true, cells: {}, problems: [] }),
};
