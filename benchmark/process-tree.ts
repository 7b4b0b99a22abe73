/** What a process and all that it has started take of the machine, as /proc tells it. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of /proc/PID/stat a second: 100 on every Linux there is. */
const TICKS_A_SECOND = 100;

/** Seconds of user and system time that a process, its descendants and all their threads have taken so far. */
export function cpuSeconds(pid: number): number {
  return sum(treeOf(pid), (one) => {
    const fields = statOf(one);
    return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_A_SECOND;
  });
}

/** Memory of a process and its descendants, in MB. What they share is counted once for each. */
export function residentMb(pid: number): number {
  return sum(treeOf(pid), (one) => {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(textOf(one, 'status'))?.[1];
    return Number(kilobytes ?? 0) / 1024;
  });
}

/** Memory of the machine that can be had without swapping, in MB. */
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
  // It grows while we walk it.
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** The fields of /proc/PID/stat from the state on; none for a process that has ended. */
function statOf(pid: number): string[] {
  // The name, in brackets, may hold spaces: count the fields behind it.
  return textOf(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ');
}

function textOf(pid: number, file: 'stat' | 'status'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // It ended between the listing and the look.
    return '';
  }
}

function sum(pids: readonly number[], value: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + value(pid), 0);
}
