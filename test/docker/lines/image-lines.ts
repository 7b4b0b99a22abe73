import assert from 'node:assert/strict';
import { version } from '../../../src/version.ts';
import type { Line } from '../line.ts';
import type { Scene } from '../scene.ts';

const MIB = 1024 ** 2;

/** What the image is made of, without a Kafka. */
export const image: Line = {
  name: 'image',
  what: 'what is in the image',
  async run(scene) {
    const { plain, kerberos } = scene.stand.images;
    const inspect = (name: string, format: string) =>
      scene.docker('image', 'inspect', '--format', format, name);
    for (const name of [plain, kerberos]) {
      const label = (key: string) =>
        inspect(name, `{{index .Config.Labels "org.opencontainers.image.${key}"}}`);
      assert.equal(await label('version'), version);
      assert.match(await label('revision'), /^(?:[0-9a-f]{40}|unknown)$/);
      assert.equal(await label('licenses'), 'Apache-2.0');
      assert.equal(await scene.docker('run', '--rm', name, '--version'), version);
      scene.note(`${name}: ${Math.round(Number(await inspect(name, '{{.Size}}')) / MIB)} MiB`);
    }
    for (const [path, bytes] of await shares(scene, plain))
      scene.note(`${path}: ${Math.round(bytes / MIB)} MiB`);
    const list = await shell(scene, plain, 'cd /app && ls && cat CONTENTS.md && head -c 300 sbom.cdx.json');
    for (const part of [
      'docs',
      'LICENSES.txt',
      `Contents of http2kafka ${version}`,
      '| fastify |',
      '| libc6 |',
      'CycloneDX',
    ]) {
      assert.ok(list.includes(part), part);
    }
    await shell(scene, plain, 'test -r /app/docs/configuration.md && test ! -w /app/package.json');
    const needless =
      'find /app -name "*.map" -o -name "*.ts" -o -name "*.cc" | head -5; command -v npm kinit gcc || true';
    assert.equal(await shell(scene, plain, needless), '');
    assert.equal(await shell(scene, plain, 'ls /app/node_modules/kerberos 2>/dev/null || true'), '');
    await shell(scene, kerberos, 'command -v kinit && node -e "require(\'/app/node_modules/kerberos\')"');
    scene.note(
      'labels, documentation and contents are there; npm, maps, types, compiler and (in the plain image) Kerberos are not',
    );
  },
};

async function shell(scene: Scene, name: string, script: string): Promise<string> {
  return await scene.docker('run', '--rm', '--entrypoint', 'sh', name, '-c', script);
}

/** What takes the room: the largest layers, by the first words of their instruction. */
async function shares(scene: Scene, name: string): Promise<[string, number][]> {
  const script = 'du -sb /usr/local/bin/node /app/dist /app/node_modules /app/docs 2>/dev/null';
  const rows = (await shell(scene, name, script)).split('\n').map((line) => line.split('\t'));
  return rows.map(([bytes = '', path = '']) => [path, Number(bytes)]);
}
