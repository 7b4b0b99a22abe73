/** The Debian and the RPM package, by nfpm: the program in /usr/lib/http2kafka, its service, user and settings. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { goProgram, NFPM } from '../go-program.ts';
import { moveDocumentation, settle } from './program-tree.ts';
import type { Target } from './targets.ts';

export type Format = 'deb' | 'rpm';

const LIBRARY = '/usr/lib/http2kafka';
const DOCUMENTATION = '/usr/share/doc/http2kafka';
const GROUP = 'http2kafka';

const DESCRIPTION = `HTTP to Kafka proxy for OpenLineage events
It takes OpenLineage events over HTTP, checks each, and writes it to Kafka. While
Kafka is unavailable, events are kept on disk. An event that was answered with a
2xx is not lost. The package has the Node.js that the program runs on.`;

/** Who publishes the packages, and where: it differs from copy to copy of this project. */
export interface Publisher {
  /** `Name <address>`, which Debian's packages must have. */
  readonly maintainer: string;
  /** The address of the repository. */
  readonly homepage: string | undefined;
}

/** No mail can be sent to `.invalid` (RFC 2606, 2). One to `localhost` would come to whoever has installed the package. */
const NO_MAINTAINER = 'The http2kafka authors <http2kafka@packages.invalid>';

/**
 * The publisher that the variables MAINTAINER and SOURCE name.
 * @throws when MAINTAINER has another form than `Name <address>`
 */
export function publisherOf({ MAINTAINER, SOURCE }: NodeJS.ProcessEnv): Publisher {
  const maintainer = MAINTAINER?.trim() || NO_MAINTAINER;
  if (!/^[^<>]+ <[^<>@\s]+@[^<>@\s]+>$/.test(maintainer))
    throw new Error(`MAINTAINER is ${maintainer}, and must be: Name <address>`);
  return { maintainer, homepage: SOURCE?.trim() || undefined };
}

export interface PackageOptions {
  readonly root: string;
  readonly target: Target;
  readonly version: string;
  readonly epoch: number;
  /** The tree of the program (program-tree.ts). It is copied. */
  readonly tree: string;
  readonly publisher: Publisher;
  /** A folder for what is packed. It is made. */
  readonly work: string;
  /** The folder for the packages. */
  readonly output: string;
}

/** Makes the packages of a target, and gives their paths. The same tree gives the same bytes. */
export function makeSystemPackages(options: PackageOptions, formats: readonly Format[]): readonly string[] {
  const { work, output, epoch, version, target } = options;
  layOut(options);
  const nfpm = goProgram(NFPM);
  return formats.map((format) => {
    const config = join(work, `${format}.yaml`);
    // JSON is YAML.
    writeFileSync(config, JSON.stringify(nfpmConfig(options, format), undefined, 2));
    const file =
      format === 'deb'
        ? `http2kafka_${version}-1_${target.deb}.deb`
        : `http2kafka-${version}-1.${target.rpm}.rpm`;
    const path = join(output, file);
    execFileSync(nfpm, ['package', '--config', config, '--packager', format, '--target', path], {
      cwd: work,
      env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch), TZ: 'UTC' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return path;
  });
}

/** Puts each file where it is to be installed, below `work`/root. */
function layOut({ root, tree, work, epoch }: PackageOptions): void {
  rmSync(work, { recursive: true, force: true });
  const at = (path: string) => join(work, 'root', path);
  const copy = (source: string, path: string) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    cpSync(join(root, 'packaging', source), at(path));
  };
  mkdirSync(at(dirname(LIBRARY)), { recursive: true });
  cpSync(tree, at(LIBRARY), { recursive: true, verbatimSymlinks: true });
  moveDocumentation(at(LIBRARY), at(DOCUMENTATION));
  copy('copyright', `${DOCUMENTATION}/copyright`);
  copy('http2kafka.service', '/usr/lib/systemd/system/http2kafka.service');
  for (const name of ['http2kafka.yaml', 'http2kafka.env']) copy(name, `/etc/http2kafka/${name}`);
  mkdirSync(at('/usr/bin'));
  symlinkSync('../lib/http2kafka/bin/http2kafka', at('/usr/bin/http2kafka'));
  cpSync(join(root, 'packaging', 'scripts'), join(work, 'scripts'), { recursive: true });
  settle(work, epoch);
}

function nfpmConfig({ target, version, epoch, publisher, work }: PackageOptions, format: Format): object {
  const at = (path: string) => join(work, 'root', path);
  const script = (name: string) => join(work, 'scripts', `${name}.sh`);
  const mtime = new Date(epoch * 1000).toISOString();
  const folder = (dst: string, owner: string, mode: number) => ({
    dst,
    type: 'dir',
    file_info: { mode, owner, group: GROUP, mtime },
  });
  const tree = (path: string) => ({ src: at(path), dst: path, type: 'tree' });
  const setting = (name: string) => ({
    src: at(`/etc/http2kafka/${name}`),
    dst: `/etc/http2kafka/${name}`,
    // An upgrade keeps what the operator has changed.
    type: 'config|noreplace',
    file_info: { mode: 0o640, owner: 'root', group: GROUP, mtime },
  });
  return {
    name: 'http2kafka',
    arch: format === 'deb' ? target.deb : target.rpm,
    platform: 'linux',
    version,
    version_schema: 'none',
    release: '1',
    mtime,
    section: 'net',
    priority: 'optional',
    ...publisher,
    description: DESCRIPTION,
    license: 'Apache-2.0',
    umask: 0o022,
    // What Node's binary is linked with, and what the scripts call.
    depends:
      format === 'deb'
        ? ['libc6 (>= 2.28)', 'libstdc++6 (>= 8)', 'libatomic1', 'libgcc-s1 | libgcc1']
        : ['glibc >= 2.28', 'libstdc++', 'libatomic', 'libgcc'],
    recommends: ['systemd', 'ca-certificates'],
    contents: [
      tree(LIBRARY),
      tree(DOCUMENTATION),
      {
        src: '../lib/http2kafka/bin/http2kafka',
        dst: '/usr/bin/http2kafka',
        type: 'symlink',
        file_info: { mtime },
      },
      {
        src: at('/usr/lib/systemd/system/http2kafka.service'),
        dst: '/usr/lib/systemd/system/http2kafka.service',
        file_info: { mode: 0o644, mtime },
      },
      folder('/etc/http2kafka', 'root', 0o750),
      setting('http2kafka.yaml'),
      setting('http2kafka.env'),
      // The service makes it as well. So commands have it before the first start.
      folder('/var/lib/http2kafka', 'http2kafka', 0o700),
    ],
    scripts: {
      preinstall: script('preinstall'),
      postinstall: script('postinstall'),
      preremove: script('preremove'),
      postremove: script('postremove'),
    },
    deb: { compression: 'zstd', predepends: ['passwd'] },
    rpm: {
      compression: 'zstd',
      buildhost: 'localhost',
      group: 'Applications/Internet',
      scripts: { posttrans: script('posttrans') },
    },
  };
}
