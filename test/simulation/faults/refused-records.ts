/** Which records a topic refuses, while it refuses some. */

/** Of so many records one is refused. */
const EACH = 7;

/** Is the record of this request refused? The same request gives the same answer at any time. */
export function isRefusedRecord(requestId: string): boolean {
  let sum = 0;
  for (const letter of requestId) sum = (sum * 31 + letter.charCodeAt(0)) % 1_000_003;
  return sum % EACH === 0;
}
