/** A control group with a memory limit, as a container has one. */
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MIB = 1024 ** 2;

let made = 0;

/** A control group of Linux, version 1 or 2, that limits the memory of the processes in it. */
export class MemoryContainer {
  readonly folder: string;
  readonly #events: string;

  private constructor(folder: string, events: string) {
    this.folder = folder;
    this.#events = events;
  }

  /** Undefined if this machine, or this user, cannot make one. */
  static make(mebibytes: number): MemoryContainer | undefined {
    made += 1;
    const name = `http2kafka-test-${process.pid}-${made}`;
    for (const [root, limit, events] of [
      ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes', 'memory.oom_control'],
      ['/sys/fs/cgroup', 'memory.max', 'memory.events'],
    ] as const) {
      const folder = join(root, name);
      try {
        statSync(join(root, 'cgroup.procs'));
        mkdirSync(folder);
        writeFileSync(join(folder, limit), String(mebibytes * MIB));
        return new MemoryContainer(folder, join(folder, events));
      } catch {
        removeFolder(folder);
      }
    }
    return undefined;
  }

  /** A shell command that puts the shell, and what it starts, into the container. */
  get enter(): string {
    return `echo $$ > ${join(this.folder, 'cgroup.procs')}`;
  }

  /** How often the kernel has killed a process of the container for want of memory. */
  get kills(): number {
    return Number(/^oom_kill (\d+)/m.exec(readFileSync(this.#events, 'utf8'))?.[1] ?? 0);
  }

  /** All its processes must have ended. */
  remove(): void {
    rmdirSync(this.folder);
  }
}

function removeFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It was never made.
  }
}

/** A container that is removed when the test ends, after what it registers later. Undefined if there is none. */
export function memoryContainer(
  test: { after: (clean: () => void) => void },
  mebibytes: number,
): MemoryContainer | undefined {
  const container = MemoryContainer.make(mebibytes);
  if (container) test.after(() => container.remove());
  return container;
}
