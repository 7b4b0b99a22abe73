/** The bytes of an event. Events have different lengths. */
export function eventOf(number: number): Buffer {
  return Buffer.alloc(8 + ((number * 37) % 900), `event ${number} `);
}
