/** Random sequences of requests on one connection, simple ones and others, in random segments. */
import type { Random } from '../../openlineage/random.ts';
import { rawPost } from '../../stage/raw-connection.ts';
import { padded, runEvent } from '../../stage/sample-events.ts';
import { cutAt, LAST, type Conversation, type Segment } from './conversation.ts';

export interface Script {
  /** Ids of its requests begin with it, a hyphen, the name of the run, and a hyphen. */
  readonly name: string;
  /** For a message. */
  readonly about: string;
  /** The bytes, with the name of the run in the ids of the requests. They have the same segments in each run. */
  readonly conversation: (run: 'a' | 'b') => Conversation;
}

type Form = (id: string) => Buffer;

const posted = (body: Buffer | string, lines: readonly string[] = [], path?: string): Form => {
  return (id) => rawPost(body, [`X-Request-ID: ${id}`, ...lines], path);
};

/** Each has one answer, after which the connection stays. */
const FORMS: Readonly<Record<string, Form>> = {
  event: posted(runEvent('scripted')),
  'large event': posted(padded(runEvent('scripted'), 90_000)),
  'event that is not simple': posted(runEvent('scripted'), ['TE: trailers']),
  'event in chunks': (id) => {
    const body = runEvent('scripted');
    const chunks = `${body.length.toString(16)}\r\n${body.toString('latin1')}\r\n0\r\n\r\n`;
    const lines = ['Host: proxy', 'Transfer-Encoding: chunked', `X-Request-ID: ${id}`];
    return Buffer.from(`POST / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${chunks}`, 'latin1');
  },
  'no event': posted('no JSON'),
  'no body': posted(''),
  batch: posted('[{}]', [], '/api/v1/lineage/batch'),
  text: posted(runEvent('scripted'), ['Content-Type: text/plain']),
  'large text': posted(padded(runEvent('scripted'), 200_000), ['Content-Type: text/plain']),
  'wrong path': posted(runEvent('scripted'), [], '/nothing'),
  page: (id) => Buffer.from(`GET /monitoring/ping HTTP/1.1\r\nHost: proxy\r\nX-Request-ID: ${id}\r\n\r\n`),
};

/** After these the connection is closed. */
const ENDS: Readonly<Record<string, Form>> = {
  'a page that closes': () => LAST,
  'an event that closes': posted(runEvent('scripted'), ['Connection: close']),
  'a long body': posted(padded(runEvent('scripted'), (1 << 20) + 1)),
  garbage: () => Buffer.from('garbage\r\n\r\n'),
  'a broken head': (id) =>
    Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\nX-Request-ID: ${id}\r\n\r\n1`),
};

/** After these the client closes the connection for writing. */
const UNFINISHED: Readonly<Record<string, Form>> = {
  nothing: () => Buffer.alloc(0),
  'half a body': (id) => posted(runEvent('scripted'))(id).subarray(0, -1),
  'a head without its body': (id) =>
    Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nX-Request-ID: ${id}\r\n\r\n`),
};

export function randomScript(random: Random, name: string): Script {
  const names = Array.from({ length: random.below(5) }, () =>
    random.below(2) === 0 ? 'event' : random.of(Object.keys(FORMS)),
  );
  const finishes = random.below(3) === 0;
  const ends = finishes ? UNFINISHED : ENDS;
  const end = random.of(Object.keys(ends));
  const forms = [...names.map((form) => FORMS[form]), ends[end]];
  const bytesOf = (run: string) =>
    forms.map((form, index) => form?.(`${name}-${run}-${index}`) ?? Buffer.alloc(0));
  const cut = cutting(random, bytesOf('a'));
  const segments = cut(bytesOf('a')).map(
    ({ bytes, answers }) => `${bytes.length}${answers === undefined ? '' : ` (${answers} answered)`}`,
  );
  const about = `${[...names, end].join(', ')}${finishes ? ', closed' : ''}; segments of ${segments.join(', ')}`;
  return { name, about, conversation: (run) => ({ segments: cut(bytesOf(run)), finishes }) };
}

/** How such requests are cut into segments. */
function cutting(random: Random, requests: readonly Buffer[]): (requests: readonly Buffer[]) => Segment[] {
  // The client waits for each answer, or for none.
  if (random.below(3) === 0) {
    const places = requests.map((bytes) => cuts(random, [bytes]));
    return (parts) =>
      parts.flatMap((bytes, index) => {
        const segments: Segment[] = cutAt(bytes, places[index] ?? []);
        const last = segments.pop();
        if (!last) return segments;
        return [...segments, index < parts.length - 1 ? { ...last, answers: index + 1 } : last];
      });
  }
  const places = cuts(random, requests);
  return (parts) => cutAt(Buffer.concat(parts), places);
}

/** Some places in the bytes: anywhere, or close to the start of a request or of its body. */
function cuts(random: Random, requests: readonly Buffer[]): number[] {
  const whole = Buffer.concat(requests);
  const places: number[] = [];
  let start = 0;
  const near: number[] = [];
  for (const bytes of requests) {
    near.push(start, start + Math.max(0, bytes.indexOf('\r\n\r\n') + 4));
    start += bytes.length;
  }
  for (let left = random.below(6); left > 0; left--) {
    const place =
      random.below(2) === 0 ? random.below(whole.length + 1) : random.of(near) + random.below(5) - 2;
    if (place > 0 && place < whole.length) places.push(place);
  }
  return places;
}
