/** The rules between the settings of `kafka`, and between them and the files of the machine. */
import type { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { certificatesIn, DamagedCertificateError } from '../../support/pem.ts';
import { cloudRules } from './cloud-rules.ts';
import { keyIn } from './key-file.ts';
import { isReadableFile, needs, notReadable, when, type Rule } from './rule.ts';
import { tokenEndpointRules } from './token-endpoint-rules.ts';
import type { SettingName, Settings } from '../schema/schema.ts';

type Security = Settings['kafka']['security'];

/** The mechanisms, and the settings that each requires. */
const needed: Readonly<Partial<Record<Security['type'], readonly SettingName[]>>> = {
  PLAIN: ['kafka.security.user', 'kafka.security.password'],
  'SCRAM-SHA-256': ['kafka.security.user', 'kafka.security.password'],
  'SCRAM-SHA-512': ['kafka.security.user', 'kafka.security.password'],
  GSSAPI: ['kafka.security.principal'],
};

export const kafkaRules: readonly Rule[] = [
  {
    about: [
      'kafka.security.type',
      'kafka.security.user',
      'kafka.security.password',
      'kafka.security.principal',
    ],
    check: ({ kafka: { security } }, isGiven) => {
      const missing = (needed[security.type] ?? []).filter((name) => !isGiven(name));
      return when(
        missing.length > 0,
        `${security.type} needs ${missing.join(' and ')}, which ${missing.length > 1 ? 'are' : 'is'} not set`,
      );
    },
  },
  {
    about: ['kafka.security.type', 'kafka.security.keytab', 'kafka.security.password'],
    check: ({ kafka: { security } }) =>
      when(
        security.type === 'GSSAPI' && security.keytab === undefined && security.password === undefined,
        'GSSAPI needs kafka.security.keytab or kafka.security.password, and neither is set',
      ),
  },
  {
    about: ['kafka.security.keytab', 'kafka.security.type', 'kafka.security.password'],
    check: ({ kafka: { security } }) =>
      when(
        security.type === 'GSSAPI' && security.keytab !== undefined && security.password !== undefined,
        'replaces kafka.security.password; remove one of the two',
      ),
  },
  {
    about: [
      'kafka.security.type',
      'kafka.security.oauth.token_endpoint',
      'kafka.security.oauth.token_file',
      'kafka.security.oauth.cloud.provider',
    ],
    check: ({ kafka: { security } }) =>
      when(
        security.type === 'OAUTHBEARER' &&
          security.oauth.tokenEndpoint === undefined &&
          security.oauth.tokenFile === undefined &&
          security.oauth.cloud.provider === undefined,
        'OAUTHBEARER needs kafka.security.oauth.token_endpoint, kafka.security.oauth.token_file or kafka.security.oauth.cloud.provider, and none is set',
      ),
  },
  {
    about: ['kafka.security.oauth.token_file', 'kafka.security.oauth.token_endpoint'],
    check: ({ kafka: { security } }) =>
      when(
        security.oauth.tokenFile !== undefined && security.oauth.tokenEndpoint !== undefined,
        'replaces kafka.security.oauth.token_endpoint; remove one of the two',
      ),
  },
  ...tokenEndpointRules,
  ...cloudRules,
  needsTls('kafka.security.tls.ca_file', ({ tls }) => tls.caFile),
  needsTls('kafka.security.tls.cert_file', ({ tls }) => tls.certFile),
  needs(
    'kafka.security.tls.cert_file',
    'kafka.security.tls.key_file',
    ({ kafka }) => kafka.security.tls.certFile,
  ),
  needs(
    'kafka.security.tls.key_file',
    'kafka.security.tls.cert_file',
    ({ kafka }) => kafka.security.tls.keyFile,
  ),
  needs(
    'kafka.security.tls.key_password',
    'kafka.security.tls.key_file',
    ({ kafka }) => kafka.security.tls.keyPassword,
  ),
  usable('kafka.security.keytab', ({ type, keytab }) => (type === 'GSSAPI' ? keytab : undefined)),
  usable('kafka.security.oauth.token_file', ({ type, oauth }) =>
    type === 'OAUTHBEARER' ? oauth.tokenFile : undefined,
  ),
  usable('kafka.security.oauth.assertion.file', ({ oauth }) => oauth.assertion.file),
  usable('kafka.security.oauth.ca_file', ({ oauth }) => oauth.caFile, notCertificates),
  usable('kafka.security.tls.ca_file', ({ tls }) => tls.caFile, notCertificates),
  usable('kafka.security.tls.cert_file', ({ tls }) => tls.certFile, notCertificates),
  {
    about: ['kafka.security.tls.key_file', 'kafka.security.tls.key_password', 'kafka.security.tls.cert_file'],
    serving: true,
    check: ({ kafka: { security } }) => wrongKey(security.tls),
  },
];

/** A TLS setting without TLS is an error: the operator expects a protection that is not there. */
function needsTls(name: SettingName, valueOf: (security: Security) => unknown): Rule {
  return {
    about: [name, 'kafka.security.tls.enabled'],
    check: ({ kafka: { security } }) =>
      when(
        valueOf(security) !== undefined && !security.tls.enabled,
        'has no effect without TLS; set kafka.security.tls.enabled to true, or remove this setting',
      ),
  };
}

/** A file must be readable, and its content valid. */
function usable(
  name: SettingName,
  pathOf: (security: Security) => string | undefined,
  wrongContent: (path: string) => string | undefined = () => undefined,
): Rule {
  return {
    about: [name],
    serving: true,
    check: ({ kafka: { security } }) => {
      const path = pathOf(security);
      if (path === undefined) return undefined;
      return isReadableFile(path) ? wrongContent(path) : notReadable(path);
    },
  };
}

/** Node skips what it cannot parse among authorities: the damage would first be seen in a handshake. */
function notCertificates(path: string): string | undefined {
  const found = certificatesOf(path);
  return typeof found === 'string' ? found : undefined;
}

/** At least one certificate, or what is wrong with the file. */
function certificatesOf(path: string): readonly X509Certificate[] | string {
  try {
    const found = certificatesIn(readFileSync(path, 'latin1'));
    return found.length > 0
      ? found
      : `'${path}' has no certificate in it: "-----BEGIN CERTIFICATE-----" (PEM) was expected`;
  } catch (error) {
    if (!(error instanceof DamagedCertificateError)) throw error;
    return `certificate ${error.number} of ${error.count} in '${path}' cannot be read: it is damaged`;
  }
}

function wrongKey({ certFile, keyFile, keyPassword }: Security['tls']): string | undefined {
  if (keyFile === undefined) return undefined;
  const key = keyIn(keyFile, keyPassword, 'kafka.security.tls.key_password');
  if (typeof key === 'string') return key;
  // The rule of the certificate's own file reports what is wrong with that file.
  if (certFile === undefined || !isReadableFile(certFile)) return undefined;
  const certificates = certificatesOf(certFile);
  return when(
    typeof certificates !== 'string' && certificates[0]?.checkPrivateKey(key) === false,
    `the private key in '${keyFile}' does not belong to the certificate in '${certFile}'`,
  );
}
