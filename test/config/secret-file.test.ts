import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { errorsOf, loaded, temporaryFile } from './loading.ts';

const NAME = 'HTTP2KAFKA__AUTH__PERSONAL_TOKENS__SECRET_KEY';
const tokens = { HTTP2KAFKA__AUTH__PERSONAL_TOKENS__CHECK_REVOCATION: 'false' };

suite('a secret in a file', () => {
  for (const [what, content] of Object.entries({
    'without a line end': 'open sesame',
    'with a line end': 'open sesame\n',
  })) {
    test(`is read ${what}`, (t) => {
      const path = temporaryFile(t, 'secret', content);
      const { settings, given } = loaded({ environment: { ...tokens, [`${NAME}_FILE`]: path } });
      assert.equal(settings.auth.personalTokens.secretKey, 'open sesame');
      assert.equal(given.get('auth.personal_tokens.secret_key')?.place, `${NAME}_FILE in the environment`);
    });
  }

  test("is read under Data.Rentgen's name, and from a configuration file", (t) => {
    const path = temporaryFile(t, 'secret', 'open sesame');
    const environment = { ...tokens, DATA_RENTGEN__AUTH__PERSONAL_TOKENS__SECRET_KEY_FILE: path };
    assert.equal(loaded({ environment }).settings.auth.personalTokens.secretKey, 'open sesame');
    const configFile = temporaryFile(
      t,
      'app.yaml',
      `auth:\n  personal_tokens:\n    secret_key_file: ${path}\n`,
    );
    assert.equal(
      loaded({ environment: tokens, configFile }).settings.auth.personalTokens.secretKey,
      'open sesame',
    );
  });

  test('is not read when a source that wins has the secret itself', (t) => {
    const configFile = temporaryFile(t, 'app.yaml', 'auth.personal_tokens.secret_key_file: /not/there\n');
    const environment = { ...tokens, [NAME]: 'as it is' };
    assert.equal(loaded({ environment, configFile }).settings.auth.personalTokens.secretKey, 'as it is');
  });

  test('is an error beside the secret itself', (t) => {
    const path = temporaryFile(t, 'secret', 'open sesame');
    assert.deepEqual(
      errorsOf({ environment: { ...tokens, [NAME]: 'open sesame', [`${NAME}_FILE`]: path } }),
      [
        `${NAME}_FILE in the environment: the same secret as ${NAME} in the environment; remove one of the two`,
      ],
    );
  });

  test('is an error when it cannot be read, or is empty', (t) => {
    const path = temporaryFile(t, 'secret', '\n');
    assert.deepEqual(errorsOf({ environment: { ...tokens, [`${NAME}_FILE`]: path } }), [
      `${NAME}_FILE in the environment: '${path}' is empty`,
    ]);
    assert.deepEqual(errorsOf({ environment: { ...tokens, [`${NAME}_FILE`]: '/not/there' } }), [
      `${NAME}_FILE in the environment: '/not/there' cannot be read: no such file or directory`,
    ]);
  });

  test('works for secrets only', () => {
    assert.deepEqual(errorsOf({ environment: { HTTP2KAFKA__SERVER__HOST_FILE: 'x' } }), [
      'HTTP2KAFKA__SERVER__HOST_FILE in the environment: there is no such setting.',
    ]);
  });
});
