/**
 * What the writer of an unknown name may have meant: the candidate with the fewest letters changed, if they are few, or
 * the only one that is called the same in another section.
 */
export function nearestName(unknown: string, candidates: Iterable<string>): string | undefined {
  const names = [...candidates];
  const limit = Math.max(2, Math.floor(unknown.length / 5));
  const [nearest] = names
    .map((name) => ({ name, distance: editDistance(unknown, name) }))
    .filter(({ distance }) => distance <= limit)
    .sort((one, other) => one.distance - other.distance);
  if (nearest) return nearest.name;
  const namesakes = names.filter((name) => lastPart(name) === lastPart(unknown));
  return namesakes.length === 1 ? namesakes[0] : undefined;
}

/** `Did you mean …?` after a space, or nothing. */
export function suggestion(name: string | undefined): string {
  return name === undefined ? '' : ` Did you mean ${name}?`;
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** Levenshtein's: letters to change, put in or leave out; one row of the table at a time. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (const [index, letter] of Array.from(one).entries()) {
    const next = [index + 1];
    for (const [column, above] of row.slice(1).entries()) {
      const replaced = (row[column] ?? 0) + (letter === other[column] ? 0 : 1);
      next.push(Math.min(replaced, above + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
