/** Log lines of which there are many a second: the same text as the logger's, in their order, and bounded. */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createLogger, frequentLines, type LogSettings } from '../src/log.ts';
import { LineQueue } from '../src/support/log-lines/line-queue.ts';

/** A file whose writes on the other thread end when the test says so. */
class SlowFile {
  written = '';
  #done: ((error: NodeJS.ErrnoException | null, written: number) => void) | undefined;
  #bytes: Buffer = Buffer.alloc(0);

  writeNow(text: string): void {
    this.written += text;
  }

  write(bytes: Buffer, done: (error: NodeJS.ErrnoException | null, written: number) => void): void {
    assert.equal(this.#done, undefined, 'one write at a time');
    this.#bytes = bytes;
    this.#done = done;
  }

  get isBusy(): boolean {
    return this.#done !== undefined;
  }

  /** Ends the write in progress after so many of its bytes. */
  end(bytes = this.#bytes.length, error: NodeJS.ErrnoException | null = null): void {
    const done = this.#done;
    this.#done = undefined;
    if (!error) this.written += this.#bytes.subarray(0, bytes).toString();
    done?.(error, bytes);
  }
}

void suite('frequent lines', () => {
  for (const preset of ['plain', 'colored', 'json'] as const) {
    test(`are the logger's own, letter by letter: ${preset}`, (context) => {
      const settings: LogSettings = { enabled: true, level: 'info', preset };
      const lines: string[] = [];
      const write = (line: string) => void lines.push(line);
      const log = createLogger(settings, '1.2.3', { write });
      const frequent = frequentLines(settings, '1.2.3', log, {
        add: (line) => (write(line), true),
        takeOmitted: () => 0,
      });
      for (const now of [1_764_400_000_000, 1_764_400_000_007, 1_764_400_059_999, 1_764_399_999_123]) {
        context.mock.timers.enable({ apis: ['Date'], now });
        for (const message of ['127.0.0.1:1 - "POST /é\u0007 HTTP/1.1" 201', 'a ".000]" {message}']) {
          const facts = { request_id: message, status: 201, bytes: undefined };
          if (frequent.form === 'text') {
            frequent.text(message);
            log.info(message);
          } else {
            frequent.members(facts, message);
            log.info(facts, message);
          }
          const [own, logged] = lines.splice(0);
          assert.equal(own, logged);
        }
        context.mock.timers.reset();
      }
    });
  }

  test('are not written where the level is above info', () => {
    const settings: LogSettings = { enabled: true, level: 'warn', preset: 'json' };
    const log = createLogger(settings, '1', { write: () => undefined });
    const frequent = frequentLines(settings, '1', log, { add: assert.fail, takeOmitted: () => 0 });
    frequent.text('a');
    frequent.members({ status: 200 }, 'a');
  });

  test('share one write in a turn, and keep their order with other lines', async () => {
    const file = new SlowFile();
    const queue = new LineQueue(file);
    queue.write('first\n');
    assert.equal(file.written, 'first\n');
    queue.add('a\n');
    queue.add('b\n');
    await turn();
    queue.add('c\n');
    queue.write('other\n');
    file.end(1);
    file.end();
    assert.equal(file.written, 'first\na\nb\n');
    file.end();
    assert.equal(file.written, 'first\na\nb\nc\nother\n');
    assert.equal(file.isBusy, false);
    queue.write('last\n');
    assert.match(file.written, /other\nlast\n$/);
  });

  test('that wait are written before the process ends', () => {
    const file = new SlowFile();
    const queue = new LineQueue(file);
    queue.add('a\n');
    queue.flush();
    assert.equal(file.written, 'a\n');
  });

  test('are written again when the file takes nothing, and lost when it is closed', async () => {
    const file = new SlowFile();
    const queue = new LineQueue(file);
    queue.add('a\n');
    await turn();
    file.end(0, Object.assign(new Error('EAGAIN'), { errno: -constants.errno.EAGAIN }));
    while (!file.isBusy) await turn();
    file.end();
    assert.equal(file.written, 'a\n');
    queue.add('b\n');
    await turn();
    file.end(0, Object.assign(new Error('EPIPE'), { errno: -constants.errno.EPIPE }));
    assert.equal(file.isBusy, false);
  });

  test('and other lines share the bound while a write goes on', async () => {
    const file = new SlowFile();
    const queue = new LineQueue(file);
    queue.add('a\n');
    await turn();
    for (let i = 0; i < 5000; i++) queue.write(`${'y'.repeat(999)}\n`);
    file.end();
    assert.equal(queue.takeOmitted(), 5000 - 1048);
    file.end();
    assert.equal(file.written.length, 2 + 1048 * 1000);
  });

  test('are counted and left out when the file is slow', async () => {
    const file = new SlowFile();
    const queue = new LineQueue(file);
    queue.add('a\n');
    await turn();
    const line = `${'x'.repeat(999)}\n`;
    let kept = 0;
    for (let i = 0; i < 5000; i++) kept += Number(queue.add(line));
    assert.equal(kept, 1048);
    assert.equal(queue.takeOmitted(), 0, 'there is no room for a line');
    file.end();
    assert.equal(queue.takeOmitted(), 5000 - kept);
    assert.equal(queue.takeOmitted(), 0);
  });
});
