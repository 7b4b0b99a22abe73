/** CPU time and memory of a process and its descendants, from /proc. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc/PID/stat: 100 on every Linux. */
const TICKS_A_SECOND = 100;

/** Seconds of user and system time of a process, its descendants and all their threads so far. */
export function cpuSeconds(pid: number): number {
  return sum(treeOf(pid), (one) => {
    const fields = statOf(one);
    return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_A_SECOND;
  });
}

/** Memory of a process and its descendants, in MB. Shared memory counts for each process. */
export function residentMb(pid: number): number {
  return sum(treeOf(pid), (one) => {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(textOf(one, 'status'))?.[1];
    return Number(kilobytes ?? 0) / 1024;
  });
}

/** Memory of the machine that is available without swapping, in MB. */
export function availableMb(): number {
  const kilobytes = /MemAvailable:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return Number(kilobytes ?? 0) / 1024;
}

/** The process and its descendants. */
function treeOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of readdirSync('/proc').map(Number)) {
    if (!Number.isInteger(pid)) continue;
    const parent = Number(statOf(pid)[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  // The list grows during this loop.
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** The fields of /proc/PID/stat from the state on. None for a process that has ended. */
function statOf(pid: number): string[] {
  // The name, in brackets, may contain spaces: count the fields after it.
  return textOf(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ');
}

function textOf(pid: number, file: 'stat' | 'status'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // It ended after it was listed.
    return '';
  }
}

function sum(pids: readonly number[], value: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + value(pid), 0);
}
