import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { DeliveryStatus, TopicStatus } from '../../src/delivery/port.ts';
import { standing, summary, type Losses } from '../../src/page/html/standing.ts';
import { StandingReader } from '../../src/page/standing.ts';
import { SimulatedTime } from '../support/simulated-time.ts';

class Scene {
  readonly time = new SimulatedTime();
  readonly status = {
    topic: 'input.runs',
    problem: undefined as string | undefined,
    state: 'straight' as TopicStatus['state'],
    kafkaProblem: undefined as string | undefined,
    spooledEvents: 0,
    spooledBytes: 0,
    oldestSpooledAt: undefined,
  };
  readonly reader: StandingReader;

  constructor() {
    const { status } = this;
    const delivery: DeliveryStatus = {
      statusOf: () => status,
      get topics() {
        return [{ ...status }];
      },
      parked: [{ topic: 'large', events: 2, bytes: 3000 }],
      get spooledEvents() {
        return status.spooledEvents;
      },
      spooledBytes: 0,
      measure: () => undefined,
    };
    const settings = [{ name: 'database.url', value: '*****', place: 'the environment' }];
    const limits = () => Promise.resolve([{ name: 'disk', used: 90, limit: 100, unit: 'number' } as const]);
    const now = () => this.time.wall.now();
    const sources = { version: '1', delivery, settings, warnings: () => ['<warned>'], limits, now };
    this.reader = new StandingReader(sources, this.time);
  }

  async text(losses: Losses = NO_LOSSES): Promise<string> {
    const read = await this.reader.read();
    return `${summary(read, losses).text}${standing(read).text}`
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ');
  }
}

const NO_LOSSES: Losses = { taken: true, ofSender: '', refused: 0, lastRefusedAt: undefined, dropped: 0 };

suite('where things stand', () => {
  test('says at the top what does not arrive, although all is well with Kafka', async () => {
    const scene = new Scene();
    const text = await scene.text({ ...NO_LOSSES, refused: 1200, lastRefusedAt: 0, dropped: 3 });
    assert.match(
      text,
      /Events go to Kafka\. Refused: 1,200 , the last at 1970-01-01 00:00:00 UTC\. Consumers would drop: 3/,
    );
    assert.doesNotMatch(await scene.text(), /Refused|would drop/);
  });

  test('is no good news while events are refused, or before one is taken', async () => {
    const scene = new Scene();
    const read = await scene.reader.read();
    const lineOf = (losses: Partial<Losses>) => summary(read, { ...NO_LOSSES, ...losses }).text;
    assert.match(lineOf({}), /"summary good".*Events go to Kafka\./s);
    assert.match(lineOf({ refused: 1, lastRefusedAt: read.now - 3_600_000 }), /"summary good"/);
    assert.match(
      lineOf({ refused: 1, lastRefusedAt: read.now - 1000 }),
      /"summary warn".*Events go to Kafka/s,
    );
    assert.match(lineOf({ taken: false }), /Kafka is available\. No event has been taken/);
    assert.match(
      lineOf({ taken: false, ofSender: ' of this sender' }),
      /No event of this sender has been taken/,
    );
  });

  test('tells of an outage, and when the disk will be delivered', async () => {
    const scene = new Scene();
    assert.match(await scene.text(), /Events go to Kafka\. .*input\.runs events go to Kafka ok 0/);
    Object.assign(scene.status, {
      state: 'spooling',
      kafkaProblem: 'no broker answers',
      spooledEvents: 1000,
    });
    await scene.time.advance(6000);
    assert.match(
      await scene.text(),
      /Kafka is unavailable\. Events are kept on disk: 1,000\. They go to Kafka .*no broker answers 1,000 .*after Kafka is available again/,
    );
    Object.assign(scene.status, { state: 'draining', kafkaProblem: undefined });
    for (let i = 0; i < 3; i++) {
      scene.status.spooledEvents -= 100;
      await scene.time.advance(5000);
    }
    assert.match(
      await scene.text(),
      /Events are delivered from disk: 700\. .*in \d+ s, at (?:1|2)\d events a second/,
    );
    scene.status.problem = 'the disk is full';
    assert.match(await scene.text(), /Events are refused: .*the disk is full/);
    scene.reader.close();
  });

  test('tells of parked events, limits, warnings and settings, without secrets', async () => {
    const scene = new Scene();
    const text = await scene.text();
    assert.match(
      text,
      /&lt;warned&gt; .*large : 2 events, 2\.9 KiB.* disk 90 100 90 % .*database\.url \*{5} the environment/,
    );
    scene.reader.close();
  });
});
