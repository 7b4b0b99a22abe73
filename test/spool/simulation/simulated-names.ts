import { dirname } from 'node:path';

import type { Random } from '../../openlineage/random.ts';
import { survival, type SimulatedInode } from './simulated-inode.ts';

/** All names of the disk. Each is the name of a file or a folder. */
type Names = Map<string, SimulatedInode | 'folder'>;

interface Change {
  readonly removed?: string;
  readonly added?: { readonly path: string; readonly entry: SimulatedInode | 'folder' };
}

/** The entries of all folders: the ones that processes see, and the ones that a power cut leaves. */
export class SimulatedNames {
  readonly seen: Names = new Map([['/', 'folder']]);
  readonly #durable: Names = new Map([['/', 'folder']]);
  #unsynced: Change[] = [];

  file(path: string): SimulatedInode | undefined {
    const entry = this.seen.get(path);
    return entry === 'folder' ? undefined : entry;
  }

  /** Every file that has a name, each once. */
  files(): Set<SimulatedInode> {
    const files = new Set<SimulatedInode>();
    for (const entry of this.seen.values()) if (entry !== 'folder') files.add(entry);
    return files;
  }

  list(folder: string): string[] {
    return [...this.seen.keys()].filter((path) => path !== '/' && dirname(path) === folder);
  }

  add(path: string, entry: SimulatedInode | 'folder'): void {
    this.#change({ added: { path, entry } });
  }

  remove(path: string): void {
    this.#change({ removed: path });
  }

  rename(from: string, to: string, entry: SimulatedInode): void {
    this.#change({ removed: from, added: { path: to, entry } });
  }

  /** Makes the changes of a folder durable. A move between folders is atomic, as in a file system with a journal. */
  sync(folder: string): void {
    const isHere = ({ removed, added }: Change): boolean =>
      [removed, added?.path].some((path) => path !== undefined && dirname(path) === folder);
    for (const change of this.#unsynced) if (isHere(change)) apply(change, this.#durable);
    this.#unsynced = this.#unsynced.filter((change) => !isHere(change));
  }

  /** The names as the next process finds them. `become` gives the new state of each file. */
  afterKill(become: (inode: SimulatedInode) => SimulatedInode): SimulatedNames {
    const known = new Map<SimulatedInode, SimulatedInode>();
    const renewed = (entry: SimulatedInode | 'folder'): SimulatedInode | 'folder' => {
      if (entry === 'folder') return entry;
      const inode = known.get(entry) ?? become(entry);
      known.set(entry, inode);
      return inode;
    };
    const next = new SimulatedNames();
    for (const [path, entry] of this.seen) next.seen.set(path, renewed(entry));
    for (const [path, entry] of this.#durable) next.#durable.set(path, renewed(entry));
    next.#unsynced = this.#unsynced.map((change) => {
      if (change.added === undefined) return change;
      return { ...change, added: { ...change.added, entry: renewed(change.added.entry) } };
    });
    return next;
  }

  /** The names as a power cut leaves them. Some unsynced changes may be in them. */
  afterPowerCut(become: (inode: SimulatedInode) => SimulatedInode, random: Random): SimulatedNames {
    const next = this.afterKill(become);
    const survives = survival(next.#unsynced.length, random);
    for (const [index, change] of next.#unsynced.entries()) if (survives(index)) apply(change, next.#durable);
    next.#unsynced = [];
    next.seen.clear();
    for (const [path, entry] of next.#durable)
      if (isReachable(path, next.#durable)) next.seen.set(path, entry);
    next.#durable.clear();
    for (const [path, entry] of next.seen) next.#durable.set(path, entry);
    return next;
  }

  #change(change: Change): void {
    apply(change, this.seen);
    this.#unsynced.push(change);
  }
}

function apply({ removed, added }: Change, names: Names): void {
  if (removed !== undefined) names.delete(removed);
  if (added !== undefined) names.set(added.path, added.entry);
}

/** If a folder is lost, all its content is lost. */
function isReachable(path: string, names: Names): boolean {
  const folder = dirname(path);
  return folder === path || (names.get(folder) === 'folder' && isReachable(folder, names));
}
