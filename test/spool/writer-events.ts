/** The bytes of an event, of a length of its own. */
export function eventOf(number: number): Buffer {
  return Buffer.alloc(8 + ((number * 37) % 900), `event ${number} `);
}
