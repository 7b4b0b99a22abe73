/** The libraries of the clouds are optional. This is what an operator sees where they are missing, and how they are found. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { LIBRARIES } from '../../../../src/kafka/login/cloud/library.ts';
import { ran, root } from '../../../config/child.ts';
import { programWithout } from '../../../config/program-copy.ts';

const LIBRARY_FOLDERS = ['@azure', 'aws-msk-iam-sasl-signer-js', 'google-auth-library'];

const Manifest = Type.Object({
  devDependencies: Type.Record(Type.String(), Type.String()),
  peerDependencies: Type.Record(Type.String(), Type.String()),
  peerDependenciesMeta: Type.Record(Type.String(), Type.Object({ optional: Type.Literal(true) })),
});

const azure = {
  HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: 'lineage.servicebus.windows.net:9093',
  HTTP2KAFKA__KAFKA__SECURITY__TYPE: 'OAUTHBEARER',
  HTTP2KAFKA__KAFKA__SECURITY__TLS__ENABLED: 'true',
  HTTP2KAFKA__KAFKA__SECURITY__OAUTH__CLOUD__PROVIDER: 'azure',
};

void suite('the library of a cloud', { timeout: 60_000 }, () => {
  test('is optional, and the version that an operator is told is the one of the tests', () => {
    const text = readFileSync(join(root, 'package.json'), 'utf8');
    const { devDependencies, peerDependencies, peerDependenciesMeta } = Value.Parse(
      Manifest,
      JSON.parse(text),
    );
    for (const { name, version } of Object.values(LIBRARIES)) {
      assert.equal(devDependencies[name], version);
      assert.equal(peerDependencies[name], `^${version}`);
      assert.ok(peerDependenciesMeta[name]?.optional);
    }
  });

  test('is missed by check-config and at the start, with the command that installs it', async (t) => {
    const folder = programWithout(t, LIBRARY_FOLDERS);
    const run = (...args: string[]) => ran(process.execPath, [join(folder, 'src/main.ts'), ...args], azure);
    const command = `npm install --prefix ${join(folder, 'cloud')} @azure/identity@4.14.1`;
    const told = `azure needs the npm package @azure/identity, which is not installed. Run \`${command}\``;
    const checked = await run('check-config');
    assert.ok(`${checked.stdout}${checked.stderr}`.includes(told), JSON.stringify(checked));
    assert.notEqual(checked.status, 0);
    const served = await run('serve', '--port', '0', '--spool-path', join(folder, 'spool'));
    assert.ok(served.stderr.includes(told), served.stderr);
    assert.notEqual(served.status, 0);

    // Where the command puts it.
    mkdirSync(join(folder, 'cloud'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'cloud', 'node_modules'));
    const again = await run('check-config');
    assert.doesNotMatch(`${again.stdout}${again.stderr}`, /not installed/);
    assert.equal(again.status, 0, again.stdout);
  });
});
