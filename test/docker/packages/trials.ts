// What is done with the packages in containers. Each trial is a line of `make docker-test`.
import assert from 'node:assert/strict';
import { delivered, FIRST, post, SECOND, setBroker, SETTINGS, VERSIONS, versionOf } from './first-event.ts';
import { PACKAGES } from './machine.ts';
import { pageTrials } from './page-trials.ts';
import type { PackageTrial } from './package-trial.ts';

const SPOOL = '/var/lib/http2kafka';
const deb = (version: string) => `${PACKAGES}/http2kafka_${version}-1_amd64.deb`;
const rpm = (version: string) => `${PACKAGES}/http2kafka-${version}-1.x86_64.rpm`;

/** All that a package may install, by its path. */
const EXPECTED: readonly RegExp[] = [
  /^\/usr\/lib\/http2kafka\/(?:bin\/http2kafka|package\.json|dist\/.*\.(?:js|json|wasm))$/,
  /^\/usr\/lib\/http2kafka\/node_modules\/(?:node\/bin\/node|\.bin\/node)$/,
  /^\/usr\/lib\/http2kafka\/node_modules\/.*\.(?:js|cjs|mjs|json|node|wasm|css|html|png|svg)$/,
  /^\/usr\/lib\/http2kafka\/node_modules\/.*\/(?:licen[cs]e|notice|copying)[^/]*$/i,
  /^\/usr\/share\/doc\/http2kafka\/docs\/monitoring\/[\w.-]+\.(?:json|yaml)$/,
  /^\/usr\/share\/doc\/http2kafka\/(?:docs\/)?(?:[\w.-]+\.(?:md|json)|LICENSE|LICENSES\.txt|sbom\.cdx\.json|copyright)$/,
  /^\/usr\/lib\/systemd\/system\/http2kafka\.service$/,
  /^\/usr\/bin\/http2kafka$/,
  /^\/etc\/http2kafka\/http2kafka\.(?:yaml|env)$/,
];

const contents: PackageTrial = {
  name: 'both packages have the same files, and nothing that is not needed',
  async run(machines) {
    const machine = await machines.debian();
    const [inDeb, inRpm] = await Promise.all([
      machine.sh(
        `dpkg-deb --fsys-tarfile ${deb(VERSIONS.newer)} | tar --list --verbose --show-transformed-names | grep -v ^d | sed -E 's/.* \\.(\\/[^ ]+)( -> .*)?$/\\1/' | sort`,
      ),
      machine.sh(
        `rpm --query --package --queryformat '[%{FILEMODES:perms} %{FILENAMES}\\n]' ${rpm(VERSIONS.newer)} | sed -n 's/^[^d][^ ]* //p' | sort`,
      ),
    ]);
    const files = inDeb.split('\n');
    assert.deepEqual(inRpm.split('\n'), files);
    assert.ok(files.length > 300);
    assert.deepEqual(
      files.filter((file) => !EXPECTED.some((pattern) => pattern.test(file))),
      [],
    );
    assert.deepEqual(
      files.filter((file) => /\/(?:tests?|examples?|kerberos)\//.test(file)),
      [],
    );
  },
};

const underSystemd: PackageTrial = {
  name: 'Debian package under systemd: install, spool, upgrade, deliver, remove, purge',
  async run(machines) {
    const machine = await machines.systemd();
    await machine.sh(`dpkg --install ${deb(VERSIONS.older)}`);
    const installed = await machine.tried(
      'systemctl is-active http2kafka || systemctl is-enabled http2kafka',
    );
    assert.equal(
      installed.output,
      'inactive\ndisabled\n',
      'the operator starts it, when the brokers are named',
    );
    await machine.sh('systemctl enable --now http2kafka');
    // The start has ended, so the proxy answers.
    assert.equal(await versionOf(machine), VERSIONS.older);
    assert.equal(await post(machine, FIRST), 'spool');
    const pages = await machine.sh(
      'curl -sS -o /dev/null -w "%{http_code}" http://127.0.0.1:8002/docs/static/swagger-ui.css',
    );
    assert.equal(pages, '200');

    await machine.sh('systemctl reload http2kafka');
    await machine.until("journalctl --unit http2kafka | grep 'SIGHUP: '");

    // A change of the operator outlives the upgrade, which restarts the service with its spool. So does a library of a cloud.
    await machine.sh(`echo '# mine' >> ${SETTINGS}`);
    await machine.sh('mkdir -p /usr/lib/http2kafka/cloud; touch /usr/lib/http2kafka/cloud/library');
    await machine.sh(`dpkg --install ${deb(VERSIONS.newer)}`);
    assert.equal(await versionOf(machine), VERSIONS.newer);
    assert.match(await machine.sh('http2kafka spool'), /^input\.runs +1 /m);
    assert.match(await machine.sh(`cat ${SETTINGS}`), /^# mine$/m);

    // A wrong setting is named in the journal, and a later start is not kept from.
    await machine.sh(`echo 'wrong: 1' >> ${SETTINGS}`);
    assert.notEqual((await machine.tried('systemctl restart http2kafka')).status, 0);
    await machine.until("journalctl --unit http2kafka | grep 'wrong in .*there is no such setting'");
    await machine.sh(`sed -i '/^wrong/d' ${SETTINGS}; ${setBroker}`);
    await machine.until('systemctl is-active http2kafka');

    const broker = await machines.kafka();
    await machine.until("http2kafka spool | grep 'No events'");
    assert.equal(await post(machine, SECOND), 'kafka');
    await delivered(broker, [FIRST, SECOND]);
    await broker.remove();

    // A killed process is started again.
    await machine.sh('kill -9 $(systemctl show --property MainPID --value http2kafka)');
    await machine.until('curl -sS http://127.0.0.1:8002/monitoring/ping');
    assert.equal(await post(machine, FIRST), 'spool');

    await machine.sh('ls /usr/lib/http2kafka/cloud/library');
    await machine.sh('dpkg --remove http2kafka');
    assert.equal((await machine.tried('systemctl is-active http2kafka')).output, 'inactive\n');
    assert.match(
      await machine.sh('journalctl --unit http2kafka'),
      /events stay in the spool, for the next start/,
    );
    assert.match(await machine.sh(`ls ${SETTINGS}`), /yaml/);
    const purged = await machine.tried('dpkg --purge http2kafka');
    assert.match(purged.output, /stays: it holds events/);
    assert.notEqual(await machine.sh(`find ${SPOOL}/topics -name '*.log'`), '');
    assert.match(
      (await machine.tried('ls /etc/http2kafka /usr/lib/http2kafka')).output,
      /^(ls: cannot access .*\n){2}$/,
    );
    assert.match(await machine.sh('getent passwd http2kafka'), /nologin$/);
  },
};

const withoutSystemd: PackageTrial = {
  name: 'Debian package without systemd: install, run by hand, purge of an empty spool',
  async run(machines) {
    const machine = await machines.debian();
    await machine.sh(`dpkg --install ${deb(VERSIONS.newer)}`);
    const command = `setpriv --reuid http2kafka --regid http2kafka --init-groups http2kafka serve --config ${SETTINGS}`;
    await machine.sh(`${command} 2>/tmp/log & echo $! >/tmp/pid`);
    await machine.until(`http2kafka health --config ${SETTINGS}`);
    await machine.sh('kill $(cat /tmp/pid)');
    await machine.until("grep 'INFO: stopped' /tmp/log");
    await machine.sh('dpkg --purge http2kafka');
    const left = await machine.tried(`ls ${SPOOL} /etc/http2kafka /usr/lib/http2kafka`);
    assert.match(left.output, /^(ls: cannot access .*\n){3}$/);
    assert.equal(await machine.sh('dpkg --list http2kafka 2>/dev/null | grep ^ii || true'), '');
  },
};

const byRpm: PackageTrial = {
  name: 'RPM, by rpm --root: install, spool, upgrade, deliver, erase',
  async run(machines) {
    const machine = await machines.debian(['--cap-add', 'SYS_ADMIN', '--security-opt', 'seccomp=unconfined']);
    // A root of its own, as this one is dpkg's: its own programs and libraries, without the database of dpkg.
    const root = '/srv/root';
    await machine.sh(`mkdir -p ${root}/var/lib ${root}/tmp ${root}/dev ${root}/proc
      cp -a /bin /sbin /lib /lib64 /usr /etc ${root}
      mknod -m 666 ${root}/dev/null c 1 3
      cp /etc/resolv.conf ${root}/etc/resolv.conf`);
    // Red Hat's names of the libraries are not known here.
    const rpmDo = (arguments_: string) => machine.sh(`rpm --root ${root} ${arguments_}`);
    const inside = (script: string) => `chroot ${root} sh -euc "${script}"`;
    const command = `setpriv --reuid http2kafka --regid http2kafka --init-groups http2kafka serve --config ${SETTINGS}`;
    const start = async () => {
      await machine.sh(`${inside(`exec ${command}`)} 2>/tmp/log & echo $! >/tmp/pid`);
      await machine.until(inside(`http2kafka health --config ${SETTINGS}`));
    };
    const stop = async () => {
      await machine.sh(`kill $(cat /tmp/pid)`);
      await machine.until("grep 'INFO: stopped' /tmp/log");
    };

    await rpmDo(`--nodeps --install ${rpm(VERSIONS.older)}`);
    assert.equal(
      await machine.sh(inside('stat -c %U:%G:%a /var/lib/http2kafka')),
      'http2kafka:http2kafka:700',
    );
    assert.equal(await machine.sh(inside(`stat -c %U:%G:%a ${SETTINGS}`)), 'root:http2kafka:640');
    assert.equal(await rpmDo('--verify --nodeps http2kafka'), '');
    await start();
    assert.equal(await post(machine, FIRST), 'spool');
    await stop();

    await machine.sh(inside(setBroker.replaceAll('\\', '\\\\')));
    await rpmDo(`--nodeps --upgrade ${rpm(VERSIONS.newer)}`);
    assert.equal(await rpmDo('--query http2kafka'), `http2kafka-${VERSIONS.newer}-1.x86_64`);
    assert.match(await machine.sh(inside(`cat ${SETTINGS}`)), /broker:19092/);
    const broker = await machines.kafka();
    await start();
    assert.equal(await versionOf(machine), VERSIONS.newer);
    await machine.until(inside("http2kafka spool | grep 'No events'"));
    await delivered(broker, [FIRST]);
    await broker.remove();
    assert.equal(await post(machine, SECOND), 'spool');
    await stop();

    await rpmDo('--erase http2kafka');
    assert.equal(await machine.sh(`ls ${root}/etc/http2kafka`), 'http2kafka.yaml.rpmsave');
    assert.notEqual(await machine.sh(`find ${root}${SPOOL}/topics -name '*.log'`), '');
    assert.equal((await machine.tried(`ls ${root}/usr/lib/http2kafka`)).status, 2);
  },
};

const rpmUnderSystemd: PackageTrial = {
  name: 'RPM under systemd: an upgrade restarts the service, an erase stops it',
  async run(machines) {
    const machine = await machines.systemd();
    const rpmDo = (arguments_: string) => machine.sh(`rpm --force-debian --nodeps ${arguments_}`);
    await rpmDo(`--install ${rpm(VERSIONS.older)}`);
    assert.equal((await machine.tried('systemctl is-active http2kafka')).output, 'inactive\n');
    await machine.sh('systemctl enable --now http2kafka');
    assert.equal(await post(machine, FIRST), 'spool');
    await rpmDo(`--upgrade ${rpm(VERSIONS.newer)}`);
    assert.equal(await versionOf(machine), VERSIONS.newer);
    assert.match(await machine.sh('http2kafka spool'), /^input\.runs +1 /m);
    await rpmDo('--erase http2kafka');
    const stopped = await machine.tried('systemctl is-active http2kafka || systemctl is-enabled http2kafka');
    assert.match(stopped.output, /^inactive\n.*No such file/);
    assert.notEqual(await machine.sh(`find ${SPOOL}/topics -name '*.log'`), '');
  },
};

export const packageTrials: readonly PackageTrial[] = [
  contents,
  underSystemd,
  withoutSystemd,
  byRpm,
  rpmUnderSystemd,
  ...pageTrials,
];
