import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { text } from 'node:stream/consumers';
import { spawn } from 'node:child_process';
import { Senders } from '../../src/auth/senders.ts';
import { readSendersFile } from '../../src/auth/senders-file.ts';
import { startOidcServer } from '../../tools/oidc-server.ts';
import { startPostgres, type Postgres } from '../../tools/postgres.ts';
import { PYJWT_TOKEN, SECRET_KEY, claims, tokenOf } from '../auth/personal-tokens/personal-token-samples.ts';
import { ran, ranProgram, root } from '../config/child.ts';

const KEY = { HTTP2KAFKA__AUTH__PERSONAL_TOKENS__SECRET_KEY: SECRET_KEY };
const ISSUE = ['token', 'issue', '--user-id', '5', '--user', 'alice', '--name'];
const DAY = 86_400;

function payloadOf(token: string): Record<string, unknown> {
  return objectOf(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

function objectOf(json: string): Record<string, unknown> {
  const parsed: unknown = JSON.parse(json);
  assert.ok(typeof parsed === 'object' && parsed !== null);
  return { ...parsed };
}

/** Runs `token inspect` with this standard input. */
async function inspectedFromInput(input: string, env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ['--', 'src/main.ts', 'token', 'inspect', '-'], {
    cwd: root,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(input);
  const status = new Promise((resolve) => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), status]);
  return { status: code, stdout, stderr };
}

void suite('http2kafka token', { timeout: 240_000 }, () => {
  let postgres: Postgres;
  let env: Readonly<Record<string, string>>;

  before(async () => {
    postgres = await startPostgres();
    await postgres.query(`insert into "user" (id, name) values (5, 'alice')`);
    env = { ...KEY, DATA_RENTGEN__DATABASE__URL: postgres.url };
  });
  after(() => postgres.stop());

  test('issues a token as Data.Rentgen does, alone on standard output', async () => {
    const { status, stdout, stderr } = await ranProgram([...ISSUE, 'etl', '--days', '7'], KEY);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^personal_token_[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const { jti, iat, nbf, exp, ...rest } = payloadOf(stdout);
    assert.deepEqual(rest, {
      token_name: 'etl',
      sub_id: 5,
      preferred_username: 'alice',
      scope: 'all:read all:write',
      iss: 'data-rentgen',
    });
    assert.match(String(jti), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.ok(Number(nbf) % DAY === 0 && Number(iat) >= Number(nbf));
    assert.equal(Number(exp) - Number(nbf), 8 * DAY);
    assert.match(stderr, new RegExp(`needs a row with id ${String(jti)} and user_id 5 .*counts as revoked`));
    assert.ok(!stderr.includes(stdout.trim()) && !stderr.includes(SECRET_KEY));
  });

  test('registers a token; an unregistered one counts as revoked', async () => {
    const registered = await ranProgram([...ISSUE, 'registered', '--register'], env);
    assert.equal(registered.status, 0, registered.stderr);
    const good = await inspectedFromInput(`Bearer ${registered.stdout}`, env);
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stdout, /the proxy +takes it, as alice\n$/);
    const { jti } = payloadOf(registered.stdout);
    const rows = await postgres.query(
      `select user_id::int, name, scopes, until - since as days from personal_token where id = $1`,
      [jti],
    );
    assert.deepEqual(rows, [
      { user_id: 5, name: 'registered', scopes: ['all:read', 'all:write'], days: 366 },
    ]);
    const other = await ranProgram([...ISSUE, 'other'], env);
    const refused = await inspectedFromInput(other.stdout, env);
    assert.equal(refused.status, 1);
    assert.match(
      refused.stdout,
      /the proxy +refuses it: Invalid token: PersonalToken name='other', id=\S+ is revoked/,
    );
  });

  test('prints the reason and no token when it cannot register one', async () => {
    const first = await ranProgram([...ISSUE, 'twice', '--register'], env);
    assert.equal(first.status, 0, first.stderr);
    const cases: readonly (readonly [readonly string[], Readonly<Record<string, string>>, RegExp])[] = [
      [[...ISSUE, 'twice', '--register'], env, /has a token of the name 'twice' already/],
      [[...ISSUE, 'x', '--register', '--user', 'bob'], env, /no user 'bob' with id 5/],
      [[...ISSUE, 'x', '--register'], KEY, /database\.url is not set/],
      [
        [...ISSUE, 'x', '--register'],
        { ...KEY, DATA_RENTGEN__DATABASE__URL: postgres.urlOf('postgres', 's3cret') },
        /it refuses the user or the password/,
      ],
    ];
    for (const [args, environment, why] of cases) {
      const { status, stdout, stderr } = await ranProgram(args, environment);
      assert.deepEqual([status, stdout], [1, '']);
      assert.match(stderr, why);
      assert.ok(!stderr.includes('s3cret'));
    }
  });

  test('refuses wrong options', async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[...ISSUE, 'x', '--days', '367'], /--days is 1 to 366/],
      [[...ISSUE, 'x', '--days', '0'], /--days is 1 to 366/],
      [[...ISSUE, 'x'.repeat(65)], /--name has 1 to 64/],
      [[...ISSUE, 'x', '--scope', 'all:read all:wirte'], /--scope has 'all:wirte' .*Did you mean all:write/],
      [[...ISSUE, 'x', '--scope', ''], /--scope has '' where one of all:read, all:write/],
      [[...ISSUE, 'x', '--user-id', 'alice'], /--user-id is the number/],
    ];
    for (const [args, why] of cases) {
      const { status, stdout, stderr } = await ranProgram(args, KEY);
      assert.deepEqual([status, stdout], [1, '']);
      assert.match(stderr, why);
    }
    const keyless = await ranProgram([...ISSUE, 'x']);
    assert.deepEqual([keyless.status, keyless.stdout], [1, '']);
    assert.match(keyless.stderr, /secret_key is not set/);
  });

  test('explains a token, with and without the key', async () => {
    const inspected = await ranProgram(['token', 'inspect', `personal_token_${PYJWT_TOKEN}`], KEY);
    assert.equal(inspected.status, 0, inspected.stderr);
    assert.match(inspected.stdout, /^name +trino-prod\nuser +alice \(id 5\)\n/);
    assert.match(
      inspected.stdout,
      /\nvalid until 2100-01-01T00:00:00\.000Z\nthe proxy +takes it, as alice\n$/,
    );
    const unchecked = await ranProgram(['token', 'inspect', PYJWT_TOKEN]);
    assert.equal(unchecked.status, 0);
    assert.match(unchecked.stderr, /signature was not checked/);
    const expired = await ranProgram(['token', 'inspect', tokenOf({ ...claims, exp: 1 })], KEY);
    assert.equal(expired.status, 1);
    assert.match(expired.stdout, /refuses it: Invalid token: Token has expired/);
    const colourful = tokenOf({ ...claims, token_name: '\u001b[31m' }, { key: 'another' });
    const forged = await ranProgram(['token', 'inspect', colourful], KEY);
    assert.equal(forged.status, 1);
    assert.ok(!forged.stdout.includes('\u001b'));
    const none = await ranProgram(['token', 'inspect', 'nothing'], KEY);
    assert.deepEqual([none.status, none.stdout], [1, '']);
  });

  test('prints one object with --json', async () => {
    const issued = await ranProgram([...ISSUE, 'etl', '--days', '7', '--json'], KEY);
    assert.equal(issued.status, 0, issued.stderr);
    const { token, valid_until: until, ...rest } = objectOf(issued.stdout);
    assert.match(String(token), /^personal_token_/);
    const { jti } = payloadOf(String(token));
    assert.deepEqual(rest, { id: jti, name: 'etl', user: 'alice', registered: false });
    assert.match(String(until), /^\d{4}-\d\d-\d\d$/);
    const good = await ranProgram(['token', 'inspect', PYJWT_TOKEN, '--json'], KEY);
    assert.equal(good.status, 0, good.stderr);
    const { claims: found, ...decision } = objectOf(good.stdout);
    assert.equal(objectOf(JSON.stringify(found))['token_name'], 'trino-prod');
    const of = { kind: 'personal token', algorithm: 'HS256', reason: null };
    const unchecked =
      'It was not checked whether the token is revoked: database.url is not set, or not used.';
    assert.deepEqual(decision, { ...of, accepted: true, sender: 'alice', unchecked });
    const key = await ranProgram(['token', 'key', 'trino', '--json']);
    const { key: made, ...facts } = objectOf(key.stdout);
    assert.deepEqual(facts, {
      name: 'trino',
      sha256: createHash('sha256').update(String(made)).digest('hex'),
    });
    const unknown = await ranProgram(['token', 'inspect', String(made), '--json']);
    const { accepted, sender } = objectOf(unknown.stdout);
    assert.deepEqual([unknown.status, accepted, sender], [0, null, null]);
  });

  test('makes an API key, and its entry for the senders file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'http2kafka-key-'));
    for (const name of ['trino', 'on', `it's "odd": #1`]) {
      const { status, stdout, stderr } = await ranProgram(['token', 'key', name]);
      assert.equal(status, 0);
      assert.match(stdout, /^h2k_[\w-]{43}\n$/);
      const key = stdout.trim();
      assert.ok(!stderr.includes(key));
      assert.ok(stderr.includes(createHash('sha256').update(key).digest('hex')));
      const file = join(folder, 'senders.yaml');
      writeFileSync(file, `senders:\n  - name: earlier\n${stderr}`);
      assert.equal(new Senders(readSendersFile(file)).findApiKey(key).sender?.name, name);
    }
    rmSync(folder, { recursive: true });
  });

  test('appends the entry to a senders file, and never the key', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'http2kafka-key-'));
    const file = join(folder, 'senders.yaml');
    writeFileSync(file, 'senders:\n');
    const program = `'${process.execPath}' -- src/main.ts token key`;
    const { stdout } = await ran('sh', ['-c', `${program} one 2>> ${file}; ${program} two 2>> ${file}`]);
    const [one = '', two = ''] = stdout.split('\n');
    const senders = new Senders(readSendersFile(file));
    assert.deepEqual(
      [one, two].map((key) => senders.findApiKey(key).sender?.name),
      ['one', 'two'],
    );
    const before = readFileSync(file, 'utf8');
    const refused = await ran('sh', ['-c', `${program} three >> ${file}`]);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /http2kafka token key three 2>> \S+senders\.yaml\n$/);
    assert.equal(readFileSync(file, 'utf8'), before);
    rmSync(folder, { recursive: true });
  });

  test('explains an API key, and finds its sender in the senders file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'http2kafka-key-'));
    const file = join(folder, 'senders.yaml');
    const made = await ranProgram(['token', 'key', 'trino']);
    const key = made.stdout.trim();
    writeFileSync(file, `senders:\n${made.stderr}`);
    const withFile = { HTTP2KAFKA__AUTH__SENDERS_FILE: file };
    const facts = `kind        API key\nsha256      ${createHash('sha256').update(key).digest('hex')}\n`;
    const good = await inspectedFromInput(`Authorization: Bearer ${key}\n`, withFile);
    assert.deepEqual(good, { status: 0, stdout: `${facts}the proxy   takes it, as trino\n`, stderr: '' });
    const unchecked = await ranProgram(['token', 'inspect', key]);
    assert.deepEqual([unchecked.status, unchecked.stdout], [0, facts]);
    assert.match(unchecked.stderr, /auth\.senders_file is not set/);
    const unknown = await ranProgram(['token', 'inspect', 'h2k_other'], withFile);
    assert.equal(unknown.status, 1);
    assert.match(unknown.stdout, /the proxy +refuses it: Invalid token: Unknown API key\n$/);
    rmSync(folder, { recursive: true });
  });

  test('explains an access token', async () => {
    const other = { iss: 'https://id.example.org', sub: 'trino', aud: 'http2kafka', exp: 4_102_444_800 };
    const { status, stdout, stderr } = await ranProgram(['token', 'inspect', tokenOf(other)], KEY);
    assert.deepEqual([status, stderr], [0, 'Its signature was not checked: auth.oidc.issuer is not set.\n']);
    assert.match(
      stdout,
      /^kind +access token\nsub +trino\naud +http2kafka\nissuer +https:\/\/id\.example\.org\n/,
    );
    assert.match(stdout, /\nvalid until 2100-01-01T00:00:00\.000Z\n$/);
    const env = {
      HTTP2KAFKA__AUTH__OIDC__ISSUER: 'https://other.example.org',
      HTTP2KAFKA__AUTH__OIDC__AUDIENCE: 'x',
    };
    const refused = await ranProgram(['token', 'inspect', tokenOf(other)], env);
    assert.equal(refused.status, 1);
    assert.match(refused.stdout, /the proxy +refuses it: Invalid token: /);
  });

  test('checks an access token against a running OpenID provider', async (t) => {
    const client = { id: 'trino', secret: 'trino-secret' };
    const provider = await startOidcServer({ clients: [client], audience: 'http2kafka' });
    t.after(() => provider.stop());
    const env = {
      HTTP2KAFKA__AUTH__OIDC__ISSUER: provider.issuer,
      HTTP2KAFKA__AUTH__OIDC__AUDIENCE: 'http2kafka',
    };
    const token = await provider.token(client);
    const good = await inspectedFromInput(`Authorization: Bearer ${token}\n`, env);
    assert.deepEqual([good.status, good.stderr], [0, '']);
    assert.match(good.stdout, /^kind +access token\n/);
    assert.match(good.stdout, /\nthe proxy +takes it, as trino\n$/);
    const audience = await inspectedFromInput(token, { ...env, HTTP2KAFKA__AUTH__OIDC__AUDIENCE: 'other' });
    assert.equal(audience.status, 1);
    assert.match(audience.stdout, /the proxy +refuses it: Invalid token: Audience doesn't match\n$/);
    const [head = '', claims = '', signature = ''] = token.split('.');
    const forged = await inspectedFromInput(
      [head, claims, signature.split('').reverse().join('')].join('.'),
      env,
    );
    assert.equal(forged.status, 1);
    assert.match(forged.stdout, /the proxy +refuses it: Invalid token: /);
    provider.rotateKeys('forget');
    const withdrawn = await inspectedFromInput(token, env);
    assert.equal(withdrawn.status, 1);
    assert.match(withdrawn.stdout, /refuses it: Invalid token: Unable to find a signing key that matches\n$/);
    await provider.goAway();
    const unknown = await inspectedFromInput(token, env);
    assert.equal(unknown.status, 1);
    assert.match(unknown.stdout, /the proxy +refuses it: .*cannot be reached/);
  });
});
