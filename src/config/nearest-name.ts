/**
 * The name that the user may have meant: the candidate with the smallest edit distance. The distance is at most 2, or a
 * fifth of the length. With no such candidate, it is the only one with the same last part in another section.
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

/** A space and `Did you mean …?`; empty without a name. */
export function suggestion(name: string | undefined): string {
  return name === undefined ? '' : ` Did you mean ${name}?`;
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** The Levenshtein distance: letters to change, insert or delete. It keeps one row of the table. */
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
