/** The tarball: the program with Node, which runs where it is unpacked. */
import { spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { settle } from './program-tree.ts';

/** Where docs/systemd.md has the program of a tarball, and what runs there. */
const PLACE = '/opt/http2kafka';

/** Adds the service and the default settings to a tree, for a program that is in /opt/http2kafka. */
export function addService(root: string, tree: string, epoch: number): void {
  const folder = join(tree, 'systemd');
  mkdirSync(folder);
  for (const name of ['http2kafka.yaml', 'http2kafka.env']) {
    const text = readFileSync(join(root, 'packaging', name), 'utf8');
    writeFileSync(join(folder, name), text.replaceAll('/usr/share/doc/http2kafka/', `${PLACE}/`));
  }
  const service = readFileSync(join(root, 'packaging', 'http2kafka.service'), 'utf8');
  writeFileSync(
    join(folder, 'http2kafka.service'),
    service
      .replaceAll('/usr/bin/http2kafka', `${PLACE}/bin/http2kafka`)
      .replaceAll('/usr/share/doc/http2kafka/', `${PLACE}/`),
  );
  settle(tree, epoch);
}

/** Packs a folder into `file` (.tar.gz), under its own name: sorted, owned by root, without a time of gzip. */
export async function packFolder(folder: string, file: string): Promise<void> {
  const plain = `${file}.tar`;
  // prettier-ignore
  const args = [
    '--create', '--file', plain, '--directory', dirname(folder), '--sort=name', '--format=gnu',
    '--owner=0', '--group=0', '--numeric-owner', basename(folder),
  ];
  const { status, stderr } = spawnSync('tar', args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (status !== 0) throw new Error(`tar ended with ${status ?? 'a signal'}: ${stderr}`);
  // zlib writes no time and no name into the header.
  await pipeline(createReadStream(plain), createGzip({ level: 6 }), createWriteStream(file));
  rmSync(plain);
}
