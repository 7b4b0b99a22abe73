import type { Trial } from '../trial.ts';
export const schemathesis: Trial = { name: 'schemathesis', group: 'schemathesis', label: 'schemathesis', version: () => '', install: () => Promise.resolve(), run: () => Promise.resolve({ ok: true, cells: {}, problems: [] }) };
