import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LinkedList, type ListNode } from '../../src/delivery/entry-list.ts';
import { Random } from '../openlineage/random.ts';

class Node implements ListNode<Node> {
  list: LinkedList<Node> | undefined;
  previous: Node | undefined;
  next: Node | undefined;
}

function listOf(count: number): { list: LinkedList<Node>; nodes: Node[] } {
  const list = new LinkedList<Node>();
  const nodes = Array.from({ length: count }, () => new Node());
  for (const node of nodes) list.add(node);
  return { list, nodes };
}

suite('a linked list', () => {
  test('behaves as a set through any additions and deletions', () => {
    const random = new Random();
    const list = new LinkedList<Node>();
    const set = new Set<Node>();
    const nodes = Array.from({ length: 20 }, () => new Node());
    for (let step = 0; step < 20_000; step++) {
      const node = random.of(nodes);
      if (set.has(node)) {
        assert.equal(list.delete(node), set.delete(node));
      } else {
        list.add(node);
        set.add(node);
      }
      assert.equal(list.size, set.size, `seed ${random.seed}`);
      assert.equal(list.first, [...set][0], `seed ${random.seed}`);
      assert.deepEqual([...list], [...set], `seed ${random.seed}`);
    }
  });

  test('tells whether a node is in it', () => {
    const { list, nodes } = listOf(2);
    const elsewhere = listOf(1);
    assert.equal(list.delete(elsewhere.nodes[0] ?? new Node()), false);
    assert.equal(list.delete(new Node()), false);
    const [first = new Node()] = nodes;
    assert.deepEqual([list.delete(first), list.delete(first), list.size], [true, false, 1]);
  });

  test('allows an iteration to delete its current node', () => {
    const { list, nodes } = listOf(5);
    const met: Node[] = [];
    for (const node of list) {
      met.push(node);
      list.delete(node);
    }
    assert.deepEqual(met, nodes);
    assert.equal(list.first, undefined);
  });

  test('leaves a deleted node without links to the others', () => {
    const { list, nodes } = listOf(3);
    for (const node of nodes) list.delete(node);
    for (const { previous, next, list: where } of nodes) {
      assert.deepEqual([previous, next, where], [undefined, undefined, undefined]);
    }
  });
});
