import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Line, type Standing } from '../../src/delivery/linked-list.ts';
import { Random } from '../openlineage/random.ts';

class Person implements Standing<Person> {
  line: Line<Person> | undefined;
  before: Person | undefined;
  behind: Person | undefined;
}

function lineOf(count: number): { line: Line<Person>; people: Person[] } {
  const line = new Line<Person>();
  const people = Array.from({ length: count }, () => new Person());
  for (const person of people) line.add(person);
  return { line, people };
}

suite('a line', () => {
  test('does as a set does, whoever comes and goes', () => {
    const random = new Random();
    const line = new Line<Person>();
    const set = new Set<Person>();
    const people = Array.from({ length: 20 }, () => new Person());
    for (let step = 0; step < 20_000; step++) {
      const person = random.of(people);
      if (set.has(person)) {
        assert.equal(line.delete(person), set.delete(person));
      } else {
        line.add(person);
        set.add(person);
      }
      assert.equal(line.size, set.size, `seed ${random.seed}`);
      assert.equal(line.first, [...set][0], `seed ${random.seed}`);
      assert.deepEqual([...line], [...set], `seed ${random.seed}`);
    }
  });

  test('tells who does not stand in it', () => {
    const { line, people } = lineOf(2);
    const elsewhere = lineOf(1);
    assert.equal(line.delete(elsewhere.people[0] ?? new Person()), false);
    assert.equal(line.delete(new Person()), false);
    const [first = new Person()] = people;
    assert.deepEqual([line.delete(first), line.delete(first), line.size], [true, false, 1]);
  });

  test('lets whoever has its turn leave', () => {
    const { line, people } = lineOf(5);
    const met: Person[] = [];
    for (const person of line) {
      met.push(person);
      line.delete(person);
    }
    assert.deepEqual(met, people);
    assert.equal(line.first, undefined);
  });

  test('leaves nobody who has left with a way to the others', () => {
    const { line, people } = lineOf(3);
    for (const person of people) line.delete(person);
    for (const { before, behind, line: where } of people) {
      assert.deepEqual([before, behind, where], [undefined, undefined, undefined]);
    }
  });
});
