import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import {
  Revocations,
  type RevocationSettings,
  type TokenId,
} from '../../../src/auth/personal-tokens/revocations.ts';
import { readDatabaseUrl } from '../../../src/support/database-url.ts';
import { createMetrics } from '../../../src/metrics/metrics.ts';
import { selfSigned, type CertificateFiles } from '../../../tools/certificates.ts';
import { startPostgres, type Postgres } from '../../../tools/postgres.ts';

const userId = 5;
const hourMs = 3_600_000;

void suite('revocations', { timeout: 120_000 }, () => {
  let postgres: Postgres;
  const opened: Revocations[] = [];

  before(async () => {
    postgres = await startPostgres();
    await postgres.query(`insert into "user" (id, name) values ($1, 'alice')`, [userId]);
  });
  afterEach(async () => {
    for (const revocations of opened.splice(0)) await revocations.close();
  });
  after(() => postgres.stop());

  /** A token with a row. */
  async function issued(): Promise<TokenId> {
    const tokenId = randomUUID();
    await postgres.query(
      `insert into personal_token (id, user_id, name, scopes, since, until)
       values ($1, $2, $3, '["all:write"]', '2026-01-01', '2100-01-01')`,
      [tokenId, userId, tokenId],
    );
    return { userId, tokenId };
  }

  const revoke = ({ tokenId }: TokenId) =>
    postgres.query('update personal_token set revoked_at = now() where id = $1', [tokenId]);

  /** The number of queries about a token. */
  const queriesAbout = ({ tokenId }: TokenId) =>
    postgres.log.split('\n').filter((line) => line.includes(`$1 = '${userId}', $2 = '${tokenId}'`)).length;

  function open(settings: Partial<Omit<RevocationSettings, 'address'>> & { url?: string } = {}) {
    const { url = postgres.url, ...rest } = settings;
    const address = readDatabaseUrl(url);
    assert.ok(typeof address !== 'string');
    const lines: string[] = [];
    const metrics = createMetrics();
    const revocations = new Revocations(
      { address, cacheTtlMs: hourMs, cacheSize: 100, graceMs: hourMs, ...rest },
      metrics,
      pino({ base: null }, { write: (line: string) => lines.push(line) }),
    );
    opened.push(revocations);
    const isUp = async () => (await metrics.databaseUp.get()).values[0]?.value;
    return { revocations, lines, isUp };
  }

  /** Waits for a condition, within the limit of the test. */
  async function becomes(holds: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await holds())) await sleep(20);
  }

  const stateOf = async (revocations: Revocations, token: TokenId) =>
    (await revocations.stateOf(token)).state;

  test('a token with a row is alive for cacheTtlMs, and is queried once in that time', async () => {
    const { revocations, lines } = open();
    const token = await issued();
    const first = await revocations.stateOf(token);
    assert.ok(first.state === 'alive');
    assert.ok(first.forMs > 0 && first.forMs <= hourMs);
    const second = await revocations.stateOf(token);
    assert.ok(second.state === 'alive' && second.forMs <= first.forMs);
    assert.equal(queriesAbout(token), 1);
    assert.deepEqual([revocations.problem, lines], [undefined, []]);
    await revoke(token);
    assert.equal(await stateOf(revocations, token), 'alive');
  });

  test('no row, the row of another user, and a revoked row: all are revoked, forever', async () => {
    const { revocations } = open({ cacheTtlMs: 0 });
    const revoked = await issued();
    await revoke(revoked);
    const never = { userId, tokenId: randomUUID() };
    const anothers = { userId: 6, tokenId: (await issued()).tokenId };
    for (const token of [revoked, never, anothers])
      assert.equal(await stateOf(revocations, token), 'revoked');
    await postgres.query('update personal_token set revoked_at = null where id = $1', [revoked.tokenId]);
    assert.equal(await stateOf(revocations, revoked), 'revoked');
    assert.equal(queriesAbout(revoked), 1);
  });

  test('a revocation is seen after cacheTtlMs', async () => {
    const { revocations } = open({ cacheTtlMs: 300 });
    const token = await issued();
    const alive = await revocations.stateOf(token);
    assert.ok(alive.state === 'alive');
    await revoke(token);
    // A request in between does not prolong it.
    await revocations.stateOf(token);
    const until = performance.now() + alive.forMs;
    await becomes(() => performance.now() >= until);
    assert.equal(await stateOf(revocations, token), 'revoked');
  });

  test('with cacheTtlMs 0 it queries each time', async () => {
    const { revocations } = open({ cacheTtlMs: 0 });
    const token = await issued();
    for (let count = 1; count <= 3; count += 1) {
      const revocation = await revocations.stateOf(token);
      assert.ok(revocation.state === 'alive' && revocation.forMs <= 0);
      assert.equal(queriesAbout(token), count);
    }
    await revoke(token);
    assert.equal(await stateOf(revocations, token), 'revoked');
  });

  test('forgets the least recently used', async () => {
    const { revocations } = open({ cacheSize: 2 });
    const tokens = [await issued(), await issued(), await issued()] as const;
    for (const token of tokens) await revocations.stateOf(token);
    await revocations.stateOf(tokens[2]);
    await revocations.stateOf(tokens[0]);
    assert.deepEqual(tokens.map(queriesAbout), [2, 1, 1]);
  });

  test('accepts tokens that were alive while the database is killed, and queries again after that', async () => {
    const { revocations, lines, isUp } = open({ cacheTtlMs: 0 });
    const [known, revoked, unknown] = [await issued(), await issued(), await issued()];
    assert.equal(await stateOf(revocations, known), 'alive');
    await revoke(revoked);
    assert.equal(await stateOf(revocations, revoked), 'revoked');
    await postgres.kill();
    assert.equal(await stateOf(revocations, unknown), 'unknown');
    assert.equal(await stateOf(revocations, known), 'alive');
    assert.equal(await stateOf(revocations, revoked), 'revoked');
    assert.match(revocations.problem ?? '', /^it does not answer; since 2\d{3}-.*Z$/);
    assert.equal(await isUp(), 0);
    await postgres.start();
    await revoke(known);
    await becomes(() => revocations.problem === undefined);
    assert.equal(await isUp(), 1);
    assert.equal(await stateOf(revocations, known), 'revoked');
    assert.equal(await stateOf(revocations, unknown), 'alive');
    // One line for the outage and one for its end, not one for each request.
    assert.equal(lines.length, 2, lines.join(''));
    assert.match(
      lines[0] ?? '',
      /database is unavailable, revoked tokens are not known: it does not answer.*/,
    );
    assert.match(lines[1] ?? '', /answers again/);
    assert.ok(!lines.join('').includes('p@ss'));
  });

  test('requests wait for a frozen database for a limited time, and not at all once that is known', async () => {
    const { revocations } = open({ cacheTtlMs: 0 });
    const known = await issued();
    assert.equal(await stateOf(revocations, known), 'alive');
    postgres.freeze();
    try {
      const strangers = Array.from({ length: 50 }, () => ({ userId, tokenId: randomUUID() }));
      const states = await Promise.all([known, ...strangers].map((token) => stateOf(revocations, token)));
      assert.deepEqual(new Set(states.slice(1)), new Set(['unknown']));
      assert.equal(states[0], 'alive');
      assert.match(revocations.problem ?? '', /^it does not answer/);
      // Not even a turn of the event loop.
      let turned = false;
      setImmediate(() => (turned = true));
      assert.equal(await stateOf(revocations, known), 'alive');
      assert.equal(turned, false);
      const revocation = await revocations.stateOf(known);
      assert.ok(revocation.state === 'alive' && revocation.forMs <= 2000);
    } finally {
      postgres.thaw();
    }
    await becomes(() => revocations.problem === undefined);
    assert.equal(await stateOf(revocations, known), 'alive');
  });

  test('after graceMs a token is not accepted without the database', async () => {
    const { revocations } = open({ cacheTtlMs: 0, graceMs: 400 });
    const token = await issued();
    assert.equal(await stateOf(revocations, token), 'alive');
    const seenAt = Date.now();
    await postgres.kill();
    try {
      await becomes(() => Date.now() > seenAt + 400);
      assert.equal(await stateOf(revocations, token), 'unknown');
    } finally {
      await postgres.start();
    }
  });

  test('detects an outage and its end by itself, from the start on and without requests', async () => {
    const { revocations, isUp } = open();
    revocations.start();
    await becomes(() => postgres.log.includes("$2 = '00000000-0000-0000-0000-000000000000'"));
    await postgres.stop({ keep: true });
    await becomes(() => revocations.problem !== undefined);
    assert.equal(await isUp(), 0);
    await postgres.start();
    await becomes(() => revocations.problem === undefined);
  });

  test('a connection that breaks during a query costs no answer', async () => {
    const { revocations, lines } = open({ cacheTtlMs: 0 });
    const token = await issued();
    assert.equal(await stateOf(revocations, token), 'alive');
    // The connection is ended while the next query waits for the table.
    const ended = postgres.query(`do $$ begin
      lock table personal_token;
      perform pg_sleep(0.2);
      perform pg_terminate_backend(pid) from pg_stat_activity where application_name = 'http2kafka';
    end $$`);
    await becomes(() => postgres.log.includes('lock table personal_token'));
    await sleep(50);
    assert.equal(await stateOf(revocations, token), 'alive');
    await ended;
    assert.deepEqual(lines, []);
  });

  test('says what is wrong with its user, password, database and table', async () => {
    const problemWith = async (url: string) => {
      const { revocations, lines } = open({ url });
      assert.equal(await stateOf(revocations, { userId, tokenId: randomUUID() }), 'unknown');
      assert.ok(!lines.join('').includes('s3cret'), lines.join(''));
      return revocations.problem?.replace(/; since .*/, '');
    };
    await postgres.query(`create user reader password 's3cret'`);
    const url = postgres.urlOf('reader', 's3cret');
    assert.equal(
      await problemWith(postgres.urlOf('reader', 's3cret2')),
      'it refuses the user or the password',
    );
    assert.equal(await problemWith(`${url}2`), 'there is no database of that name');
    assert.equal(await problemWith(url), 'the user may not read its table personal_token');
    assert.equal(
      await problemWith(url.replace('/data_rentgen', '/postgres')),
      'it has no table personal_token',
    );
    await postgres.query('grant select on personal_token to reader');
    await postgres.query('alter table personal_token rename column revoked_at to taken_back_at');
    assert.equal(await problemWith(url), 'its table personal_token has other columns');
    await postgres.query('alter table personal_token rename column taken_back_at to revoked_at');
    assert.equal(await problemWith(`${url}?ssl=require`), 'it has no TLS');
    assert.equal(
      await problemWith(url.replace('127.0.0.1', 'no-such-host.invalid')),
      'there is no host of that name',
    );
    const { revocations } = open({ url });
    assert.equal(await stateOf(revocations, await issued()), 'alive');
  });
});

void suite('revocations over TLS', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-database-tls-'));
  let tls: CertificateFiles;
  let postgres: Postgres;

  before(async () => {
    const certificate = await selfSigned({ name: 'http2kafka test', hosts: ['127.0.0.1'] });
    tls = certificate.write(folder, 'database');
    postgres = await startPostgres({ tls, tlsOnly: true });
  });
  after(async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true });
  });

  async function problemWith(query: string, host = '127.0.0.1'): Promise<string | undefined> {
    const address = readDatabaseUrl(`${postgres.url.replace('127.0.0.1', host)}${query}`);
    assert.ok(typeof address !== 'string');
    const revocations = new Revocations(
      { address, cacheTtlMs: hourMs, cacheSize: 1, graceMs: 0 },
      createMetrics(),
      pino({ enabled: false }),
    );
    await revocations.stateOf({ userId, tokenId: randomUUID() });
    const { problem } = revocations;
    await revocations.close();
    return problem?.replace(/; since .*/, '');
  }

  test('uses TLS where the server has it, as asyncpg and libpq do', async () => {
    assert.equal(await problemWith(''), undefined);
    assert.equal(await problemWith('?ssl=disable'), 'it refuses the user');
  });

  test('checks the certificate as sslmode says', async () => {
    assert.equal(await problemWith('?ssl=require'), undefined);
    assert.equal(await problemWith('?sslmode=verify-full'), 'its certificate is not trusted');
    assert.equal(await problemWith(`?sslmode=verify-full&sslrootcert=${tls.cert}`), undefined);
    assert.equal(
      await problemWith(`?sslmode=verify-full&sslrootcert=${tls.cert}`, 'localhost'),
      'its certificate is not trusted',
    );
    assert.equal(await problemWith(`?sslmode=verify-ca&sslrootcert=${tls.cert}`, 'localhost'), undefined);
  });
});
