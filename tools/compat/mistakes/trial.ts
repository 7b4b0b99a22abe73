/** Makes a mistake with a real engine, and reads on the page whether it tells the mistake. */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { selfSigned } from '../../certificates.ts';
import { temporaryFolder } from '../../kafka/folders.ts';
import { runToEnd } from '../processes.ts';
import type { Stage } from '../stage.ts';
import type { Outcome, Trial } from '../trial.ts';
import { refusedRows, startScene } from './scene.ts';
import { clientOf, mistakes, withMistake, type Mistake } from './table.ts';

const LIMIT_MS = 180_000;

export const mistakeTrials: readonly Trial[] = mistakes.map((mistake) => {
  const { version, install } = clientOf(mistake);
  return {
    name: mistake.name,
    group: 'mistakes',
    label: mistake.label,
    version: () => (typeof version === 'string' ? version : version()),
    install,
    run: (stage) => tryMistake(mistake, stage),
  };
});

async function tryMistake(mistake: Mistake, stage: Stage): Promise<Outcome> {
  const folder = temporaryFolder(`http2kafka-compat-${mistake.name}-`);
  const certificate = mistake.tls && (await selfSigned({ name: 'a proxy', hosts: ['127.0.0.1'] }));
  const files = certificate?.write(folder, 'proxy');
  const proxy = await startScene(await stage.broker(), {
    maxBytes: mistake.maxBytes,
    args: files ? ['--ssl-certfile', files.cert, '--ssl-keyfile', files.key] : [],
  });
  try {
    const url = certificate ? proxy.url.replace('http:', 'https:') : proxy.url;
    await makeMistake(mistake, url, folder);
    return judge(mistake, await readPage(url, certificate?.pem));
  } finally {
    await proxy.stop();
  }
}

/** Runs the engine with the mistake. */
export async function makeMistake(mistake: Mistake, url: string, folder: string): Promise<void> {
  const client = clientOf(mistake);
  const command = withMistake(mistake, await client.command(url, folder), url);
  for (const file of globSync(join(folder, '**', 'openlineage*'))) {
    const changed = Object.entries(mistake.replaced(url)).reduce(
      (all, [from, to]) => all.replaceAll(from, to),
      readFileSync(file, 'utf8'),
    );
    writeFileSync(file, changed);
  }
  await runToEnd({ cwd: folder, ...command }, client.limitMs ?? LIMIT_MS);
}

async function readPage(url: string, ca: string | undefined): Promise<string> {
  const accept = { accept: 'text/html' };
  if (ca === undefined) return (await fetch(url, { headers: accept })).text();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  get(url, { ca, headers: accept }, (answer) => void text(answer).then(resolve, reject)).on('error', reject);
  return promise;
}

function judge({ says: [who, why] }: Mistake, page: string): Outcome {
  const rows = refusedRows(page);
  const row = rows.find((one) => who.test(one.who) && why.test(one.why));
  const problems = row
    ? []
    : [`the page says: ${rows.map((one) => `${one.who}: ${one.why}`).join(' | ') || 'nothing'}`];
  const cells = row && { refused: `${row.howOften}`, who: row.who, why: row.headline };
  return { ok: row !== undefined, problems, cells: cells ?? {} };
}
