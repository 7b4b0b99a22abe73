// Installs what a login with Kerberos needs: `make kerberos` calls it. With --test it also installs a KDC for the tests, as
// `make test` does.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isExecutable } from '../executable.ts';

const PACKAGES = join(import.meta.dirname, '..', '..', 'node_modules');
const BINDING = join(PACKAGES, 'kerberos', 'build', 'Release', 'kerberos.node');
// The sources of the package's own binding.gyp for Linux.
const SOURCES = ['kerberos.cc', 'unix/base64.cc', 'unix/kerberos_gss.cc', 'unix/kerberos_unix.cc'];
const HEADER = '/usr/include/gssapi/gssapi_krb5.h';

/** Debian's packages for the programs. Some are in sbin, which may not be on the PATH. */
const PROGRAMS = { kinit: 'krb5-user', kvno: 'krb5-user', klist: 'krb5-user' };
const KDC_PROGRAMS = {
  krb5kdc: 'krb5-kdc',
  kdb5_util: 'krb5-kdc',
  'kadmin.local': 'krb5-admin-server',
};
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];

/** The path of a Kerberos program. Undefined when it is not installed. */
export function findKerberosProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find(isExecutable);
}

/** Installs Debian's packages for missing programs. */
function installMissing(withKdc: boolean): void {
  const programs = Object.entries({ ...PROGRAMS, ...(withKdc ? KDC_PROGRAMS : {}) });
  const missing = programs
    .filter(([name]) => findKerberosProgram(name) === undefined)
    .map(([, from]) => from);
  if (!existsSync(BINDING)) {
    if (!existsSync(HEADER)) missing.push('libkrb5-dev');
    if (findKerberosProgram('g++') === undefined) missing.push('g++');
  }
  if (missing.length === 0) return;
  const names = [...new Set(missing)];
  console.log(`Installing Debian's ${names.join(', ')} (once)`);
  const apt = (...args: string[]) =>
    execFileSync('apt-get', ['-qq', ...args], {
      stdio: 'pipe',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  try {
    apt('update');
    apt('install', '-y', '--no-install-recommends', ...names);
  } catch {
    throw new Error(
      `Kerberos needs Debian's packages ${names.join(', ')}, or those of your system like them: install them.`,
    );
  }
}

/**
 * Compiles the native part of the npm package kerberos. Its install script would download a binary, or need node-gyp, Python
 * and all of Node's headers. The four files need the headers of Node-API and Kerberos only. The libraries are found when it is
 * loaded (KERBEROS_USE_RTLD).
 */
function compileBinding(): void {
  if (existsSync(BINDING)) return;
  const folder = join(PACKAGES, 'kerberos');
  if (!existsSync(folder))
    throw new Error('The npm package kerberos is missing: npm ci --include=optional --ignore-scripts');
  console.log('Compiling the npm package kerberos (once)');
  mkdirSync(join(BINDING, '..'), { recursive: true });
  // Made in another file and renamed, so that no process loads an incomplete one.
  const fresh = `${BINDING}.${process.pid}`;
  const headers = ['node-api-headers/include', 'node-addon-api'].flatMap((name) => [
    '-I',
    join(PACKAGES, name),
  ]);
  const defines = ['-DKERBEROS_USE_RTLD=1', '-DNODE_GYP_MODULE_NAME=kerberos', '-DBUILDING_NODE_EXTENSION'];
  const sources = SOURCES.map((name) => join(folder, 'src', name));
  const options = ['-shared', '-fPIC', '-O2', '-std=c++17', ...defines, ...headers];
  execFileSync('g++', [...options, ...sources, '-ldl', '-o', fresh], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  renameSync(fresh, BINDING);
}

if (import.meta.main) {
  try {
    installMissing(process.argv.includes('--test'));
    compileBinding();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
