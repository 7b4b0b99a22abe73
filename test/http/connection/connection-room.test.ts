import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { mock, suite, test } from 'node:test';
import { Connections } from '../../../src/http/connection/connections.ts';
import type { Exchange } from '../../../src/http/exchange.ts';

/** A socket that is connected to nothing. A test sets what is read of it. */
class FakeSocket extends Socket {
  readonly state = { destroyed: false, writableLength: 0, bytesRead: 0 };

  constructor() {
    super();
    for (const name of ['destroyed', 'writableLength', 'bytesRead'] as const) {
      Object.defineProperty(this, name, { configurable: true, get: () => this.state[name] });
    }
    Object.defineProperty(this, 'writable', { get: () => !this.state.destroyed });
  }

  override destroy(): this {
    this.state.destroyed = true;
    this.emit('close');
    return this;
  }
}

function exchangeOf(socket: Socket, { startedAt = 0, complete = true } = {}): Exchange {
  const request = new IncomingMessage(socket);
  request.complete = complete;
  return {
    request,
    response: new ServerResponse(request),
    path: '/',
    requestId: '',
    startedAt,
    traceparent: undefined,
    trace: undefined,
    known: undefined,
    origin: () => ({}),
    isGone: () => false,
  };
}

function connect(connections: Connections): FakeSocket | undefined {
  const fake = new FakeSocket();
  if (!connections.enter(fake, () => undefined)) return undefined;
  connections.add(fake, true);
  return fake;
}

/** Begins and ends a request. */
function use(connections: Connections, fake: FakeSocket | undefined): void {
  assert.ok(fake);
  fake.state.bytesRead += 100;
  const state = connections.begin(fake, exchangeOf(fake));
  assert.ok(state && state !== 'too-many');
  connections.end(state);
}

suite('the room for connections', () => {
  test('a new connection takes the place of the oldest that has sent nothing', () => {
    const connections = new Connections(3);
    const open = [0, 1, 2].map(() => connect(connections));
    use(connections, open[0]);
    assert.ok(connect(connections));
    assert.deepEqual(
      open.map((fake) => fake?.destroyed),
      [false, true, false],
    );
    assert.ok(connect(connections));
    assert.deepEqual(
      open.map((fake) => fake?.destroyed),
      [false, true, true],
    );
  });

  test('or of the one that is idle for longest, but of none that a client may reuse', (t) => {
    let now = 1000;
    t.mock.method(performance, 'now', () => now);
    const connections = new Connections(3);
    const open = [0, 1, 2].map(() => connect(connections));
    for (const fake of open) {
      use(connections, fake);
      now += 1000;
    }
    assert.equal(connect(connections), undefined);
    assert.ok(open.every((fake) => fake?.destroyed === false));
    now += 4000;
    assert.ok(connect(connections));
    assert.deepEqual(
      open.map((fake) => fake?.destroyed),
      [true, false, false],
    );
  });

  test('or of one whose request has been arriving for five seconds, if none is idle', (t) => {
    let now = 1000;
    t.mock.method(performance, 'now', () => now);
    const connections = new Connections(3);
    const open = [0, 1, 2].map(() => connect(connections));
    const [slow, slower, pipelining] = open;
    assert.ok(slow && slower && pipelining);
    const arriving = (startedAt: number) => ({ startedAt, complete: false });
    connections.begin(slower, exchangeOf(slower, arriving(1000)));
    connections.begin(slow, exchangeOf(slow, arriving(2000)));
    connections.begin(pipelining, exchangeOf(pipelining));
    connections.begin(pipelining, exchangeOf(pipelining, arriving(1000)));
    now = 5999;
    assert.equal(connect(connections), undefined);
    now = 7000;
    for (const closed of [1, 2]) {
      const next = connect(connections);
      assert.ok(next);
      connections.begin(next, exchangeOf(next));
      assert.deepEqual(
        [slower, slow].map(({ destroyed }) => destroyed),
        [true, closed === 2],
      );
    }
    now = 60_000;
    assert.equal(connect(connections), undefined);
    assert.equal(pipelining.destroyed, false);
  });

  test('or of one that has left an answer unread for five seconds', (t) => {
    let now = 1000;
    t.mock.method(performance, 'now', () => now);
    t.mock.timers.enable({ apis: ['setInterval'] });
    const connections = new Connections(1);
    connections.cutUnread(60_000);
    const fake = connect(connections);
    assert.ok(fake);
    connections.begin(fake, exchangeOf(fake));
    fake.state.writableLength = 3_000_000;
    t.mock.timers.tick(2000);
    now = 5999;
    assert.equal(connect(connections), undefined);
    now = 7000;
    assert.ok(connect(connections));
    assert.ok(fake.destroyed);
  });

  test('never of one with a request in flight', (t) => {
    let now = 1000;
    t.mock.method(performance, 'now', () => now);
    const connections = new Connections(2);
    const [busy, idle] = [connect(connections), connect(connections)];
    assert.ok(busy && idle);
    connections.begin(busy, exchangeOf(busy));
    use(connections, idle);
    now += 60_000;
    const next = connect(connections);
    assert.deepEqual([busy.destroyed, idle.destroyed], [false, true]);
    use(connections, next);
    assert.equal(connect(connections), undefined);
  });

  test('a flood at the limit costs no search of all connections for each of its connections', (t) => {
    t.mock.method(performance, 'now', () => 1000);
    const connections = new Connections(1000);
    const open = Array.from({ length: 1000 }, () => connect(connections));
    let reads = 0;
    for (const fake of open) {
      use(connections, fake);
      if (fake) Object.defineProperty(fake, 'destroyed', { get: () => ((reads += 1), false) });
    }
    for (let i = 0; i < 1000; i++) assert.equal(connect(connections), undefined);
    assert.ok(reads <= 1000, `${reads} connections were checked`);
  });
});

suite('requests of one connection', () => {
  /** A connection with so many requests that have begun. Returns which of them are handled, in order. */
  function pipelined(count: number) {
    const connections = new Connections(10);
    const fake = connect(connections);
    assert.ok(fake);
    const handled: number[] = [];
    const begin = (n: number) => {
      const state = connections.begin(fake, exchangeOf(fake));
      assert.ok(state && state !== 'too-many');
      connections.handle(state, () => handled.push(n));
      return () => connections.end(state);
    };
    const ends = Array.from({ length: count }, (_, n) => begin(n));
    return { fake, handled, ends };
  }

  test('are handled eight at a time, in their order', () => {
    const { handled, ends } = pipelined(20);
    assert.deepEqual(handled, [0, 1, 2, 3, 4, 5, 6, 7]);
    ends[0]?.();
    assert.deepEqual(handled.slice(8), [8]);
    for (const end of ends.slice(1)) end();
    assert.deepEqual(
      handled,
      Array.from({ length: 20 }, (_, n) => n),
    );
  });

  test('wait while the client does not read the answers', () => {
    const { fake, handled, ends } = pipelined(20);
    fake.state.writableLength = 64 * 1024;
    for (const end of ends.slice(0, 7)) end();
    assert.equal(handled.length, 8);
    fake.state.writableLength = 0;
    ends[7]?.();
    assert.equal(handled.length, 16);
  });

  test('are not handled after the connection is closed', () => {
    const { fake, handled, ends } = pipelined(20);
    fake.destroy();
    for (const end of ends) end();
    assert.equal(handled.length, 8);
  });

  test('end with the connection when an answer is not read in time', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let now = 1000;
    t.mock.method(performance, 'now', () => now);
    const connections = new Connections(10);
    connections.cutUnread(60_000);
    const [unread, slow, idle] = [0, 1, 2].map(() => connect(connections));
    assert.ok(unread && slow && idle);
    unread.state.writableLength = 1;
    slow.state.writableLength = 1;
    const tick = (ms: number) => {
      now += ms;
      t.mock.timers.tick(2000);
    };
    tick(2000);
    tick(59_000);
    use(connections, slow);
    tick(2000);
    assert.deepEqual([unread.destroyed, slow.destroyed, idle.destroyed], [true, false, false]);
    tick(61_000);
    assert.equal(slow.destroyed, true);
    mock.reset();
  });
});
