import { TreeWriter, treeOf, type ArrayTree, type Member, type ObjectTree, type Tree } from './json-tree.ts';
import type { Random } from '../random.ts';
import { anyValues, knownFields, valuesFor } from './strange-values.ts';

/** A JSON text with changes to its structure, its white space and its escapes. Nearly all results are JSON. */
export function mutateTree(source: Buffer, random: Random): Buffer {
  const tree = treeOf(JSON.parse(source.toString()));
  for (let changes = random.of([0, 1, 1, 1, 2, 3]); changes > 0; changes--) {
    const container = containerIn(tree, random);
    if (!container) break;
    if ('items' in container) changeItems(container, random);
    else changeMembers(container, random, tree);
  }
  return Buffer.from(new TreeWriter(random).write(tree));
}

/** A random object or array, more often near the top, because the scanner knows the names there. */
function containerIn(tree: Tree, random: Random): ArrayTree | ObjectTree | undefined {
  if (typeof tree === 'string') return undefined;
  const inner = 'items' in tree ? tree.items : tree.members.map(({ value }) => value);
  const containers = inner.filter((one) => typeof one !== 'string');
  if (containers.length === 0 || random.below(4) === 0) return tree;
  return containerIn(random.of(containers), random);
}

function changeItems({ items }: ArrayTree, random: Random): void {
  const at = random.below(items.length + 1);
  const old = items[at];
  if (old === undefined || random.below(3) === 0) items.splice(at, 0, random.of(anyValues));
  else items.splice(at, 1, ...random.of([[], [old, old], [wrap(old, random)], [random.of(anyValues)]]));
}

function changeMembers({ members }: ObjectTree, random: Random, whole: Tree): void {
  const at = random.below(members.length + 1);
  const old = members[at];
  if (!old || random.below(4) === 0) {
    const key = random.of(knownFields);
    members.splice(at, 0, { key, value: random.of(valuesFor(key)) });
    return;
  }
  const { key, value } = old;
  const other: Member = { key, value: random.of(valuesFor(key)) };
  switch (random.below(8)) {
    case 0:
      members.splice(at, 1);
      return;
    case 1:
      // Repeats the key with another value, before or after.
      members.splice(random.below(members.length + 1), 0, other);
      return;
    case 2:
      members.splice(random.below(members.length + 1), 0, old);
      return;
    case 3:
      members.splice(at, 1, { key: random.of(knownFields), value });
      return;
    case 4:
      members.splice(at, 1, { key, value: wrap(value, random) });
      return;
    case 5:
      members.splice(at, 1);
      members.splice(random.below(members.length + 1), 0, old);
      return;
    case 6: {
      // A copy: otherwise a tree could contain itself.
      const copy = structuredClone(containerIn(whole, random));
      if (copy) members.splice(at, 1, { key, value: copy });
      return;
    }
    default:
      members.splice(at, 1, other);
  }
}

/** The value inside new arrays and objects, sometimes about as deep as the limit of 200 levels. */
function wrap(value: Tree, random: Random): Tree {
  let wrapped = value;
  for (let levels = random.of([1, 1, 2, 190 + random.below(14)]); levels > 0; levels--) {
    wrapped = random.below(2) === 0 ? { items: [wrapped] } : { members: [{ key: 'a', value: wrapped }] };
  }
  return wrapped;
}
