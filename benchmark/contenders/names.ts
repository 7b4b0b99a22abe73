/** The names of the contenders, in the order of the tables. */
export const contenderNames = [
  'bare',
  'floor',
  'none',
  'against',
  'lz4',
  'zstd',
  'log',
  'many',
  'rules',
  'rules-50',
  'three-topics',
  'fluent-bit',
  'fluent-bit-files',
  'fluent-bit-no-key',
  'data-rentgen',
] as const;
export type ContenderName = (typeof contenderNames)[number];

export function isContenderName(name: string): name is ContenderName {
  return contenderNames.some((one) => one === name);
}
