/** Patterns of names and namespaces, in which an asterisk stands for any characters, slashes included. */
export type Matcher = (text: string) => boolean;

/**
 * A matcher for `trino://prod-*`. It goes over a text once, however many asterisks there are: a regular expression made of
 * them would try all ways to part it, and the text may be a namespace of megabytes.
 */
export function matcherOf(pattern: string): Matcher {
  const parts = pattern.split('*');
  const head = parts.shift() ?? '';
  const tail = parts.pop();
  if (tail === undefined) return (text) => text === pattern;
  return (text) => {
    const end = text.length - tail.length;
    if (end < head.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
    let at = head.length;
    for (const part of parts) {
      const found = text.indexOf(part, at);
      if (found === -1 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
