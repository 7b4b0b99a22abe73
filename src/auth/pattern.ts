/** The patterns of names and namespaces, in the senders file and in routing rules. */

/** A test of a name or a namespace. */
export type Matcher = (text: string) => boolean;

/**
 * A matcher for a pattern such as `trino://prod-*`: an asterisk matches any characters, slashes included. It reads a text once, however
 * many asterisks there are. A regular expression would backtrack through all ways to split it, and a namespace may have megabytes.
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
