/** Log lines with text that a client has chosen: no byte of it may command a terminal or forge a line. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { isPrintable } from '../../../src/support/printable.ts';
import { logLines } from '../../stage/log-lines.ts';
import { RawConnection } from '../../stage/raw-connection.ts';
import { Stage } from '../../stage/stage.ts';

/** As Latin-1 and as UTF-8: C1 controls, a line separator, a right-to-left override, a zero-width space. */
const BYTES = ['\u009b31m', '\u0085', ...['\u009b', '\u2028', '\u202e', '\u200b'].map(inUtf8), '\u00ad'];

void suite('text of a client', { timeout: 120_000 }, () => {
  const stage = new Stage();
  after(() => stage.stop());

  for (const preset of ['plain', 'json'] as const) {
    test(`is printable in the log (${preset})`, async () => {
      const proxy = await stage.proxyWithoutKafka({
        settings: { LOGGING__PRESET: preset },
        args: ['--access-log', '--log-level', 'debug'],
      });
      for (const bytes of BYTES) {
        const namespace = `{"job":{"namespace":"a${bytes}b","name":"${bytes}"}}`;
        const headers = ['user-agent', 'x-request-id', 'x-forwarded-for', 'origin', 'traceparent']
          .map((name) => `${name}: a${bytes}b\r\n`)
          .join('');
        const length = `content-length: ${namespace.length}\r\n`;
        for (const [target, more, body] of [
          ['/api/v1/lineage', `content-type: application/json\r\n${length}`, namespace],
          ['/api/v1/lineage', `content-type: a${bytes}\r\n${length}`, namespace],
          ['/api/v1/lineage', `content-encoding: a${bytes}\r\n${length}`, namespace],
          [`/a${bytes}b?c=${bytes}`, '', ''],
        ]) {
          const connection = await RawConnection.open(proxy.port);
          await connection.send(`POST ${target} HTTP/1.1\r\nhost: a${bytes}\r\n${headers}${more}\r\n${body}`);
          assert.ok((await connection.answer()).status >= 400);
          connection.cut();
        }
      }
      const lines = await logLines(proxy);
      assert.ok(lines.length > 20);
      for (const line of lines) assert.ok(isPrintable(line), JSON.stringify(line));
    });
  }
});

/** The bytes of a text in UTF-8, each as one character. */
function inUtf8(text: string): string {
  return Buffer.from(text).toString('latin1');
}
