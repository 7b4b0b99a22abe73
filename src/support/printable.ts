/** Text that a sender chose, fit for a log line: control characters and line ends (which would begin a line of their own) become U+FFFD. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, '\ufffd');
}
