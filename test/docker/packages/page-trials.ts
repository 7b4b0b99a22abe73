// Follows docs/systemd.md: its own commands, in its order, on a machine that has nothing yet.
import assert from 'node:assert/strict';
import { adapt, documentedBlock } from '../../../tools/compat/documented-blocks.ts';
import { delivered, FIRST, post, setBroker, versionOf, VERSIONS } from './first-event.ts';
import { PACKAGES, type Machine } from './machine.ts';
import type { PackageTrial } from './package-trial.ts';

const command = (heading: string, index: number) => documentedBlock('systemd.md', heading, 'sh', index);

/** The steps after the installation. They are the same for packages and tarball. */
async function followToFirstEvent(machine: Machine): Promise<void> {
  const steps = (index: number) => machine.sh(command('Debian and Ubuntu', index));
  await machine.sh(setBroker);
  const findings = await steps(1);
  assert.match(findings, /^ok: kafka\.bootstrap_servers: 1 of 1 brokers answer/m);
  await steps(2);
  const answer = await steps(3);
  assert.match(answer, /^HTTP\/1\.1 201 /);
  assert.match(answer, /^x-delivery: kafka/im);
}

const debianPage: PackageTrial = {
  name: 'docs/systemd.md, Debian package: its commands, from nothing to the first event',
  async run(machines) {
    const broker = await machines.kafka();
    const machine = await machines.systemd();
    // Nobody is there to say yes.
    const install = adapt(command('Debian and Ubuntu', 0), { 'apt-get install': 'apt-get install --yes' });
    await machine.sh(`cd ${PACKAGES}\n${install}`);
    await followToFirstEvent(machine);
    assert.equal(await versionOf(machine), VERSIONS.newer);
    await delivered(broker, [FIRST]);
  },
};

const tarballPage: PackageTrial = {
  name: 'docs/systemd.md, tarball: its commands, as a trial and as a service',
  async run(machines) {
    const broker = await machines.kafka();
    const machine = await machines.systemd();
    await machine.sh(`mkdir /trial; cp ${PACKAGES}/http2kafka-${VERSIONS.newer}-linux-x64.tar.gz /trial`);
    const trial = adapt(command('Tarball', 0), { 'broker:9092': 'broker:19092' });
    await machine.sh(`cd /trial; setsid sh -euc '${trial}' >log 2>&1 & echo $! >/trial/pid`);
    await machine.until("grep 'Kafka can be written to' /trial/log");
    assert.equal(await post(machine, FIRST), 'kafka');
    await machine.sh('kill -- -$(cat /trial/pid)');
    await machine.until("grep 'INFO: stopped' /trial/log");

    await machine.sh(`cd /trial\n${command('Tarball', 1)}`);
    await followToFirstEvent(machine);
    assert.equal(await versionOf(machine), VERSIONS.newer);
    await delivered(broker, [FIRST, FIRST]);
  },
};

export const pageTrials: readonly PackageTrial[] = [debianPage, tarballPage];
