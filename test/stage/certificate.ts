import { X509Certificate } from 'node:crypto';
import { selfSigned, type CertificateFiles as Files } from '../../tools/certificates.ts';

export interface CertificateFiles extends Files {
  /** The certificate itself (PEM). */
  readonly pem: string;
  readonly x509: X509Certificate;
}

/** Writes `cert.pem` and `cert.key`: a self-signed certificate for 127.0.0.1, and its key. */
export async function writeCertificate(
  folder: string,
  passphrase?: string,
  until?: Date,
): Promise<CertificateFiles> {
  const wishes = { name: 'http2kafka test', hosts: ['127.0.0.1'], ...(until && { until }) };
  const certificate = await selfSigned(wishes);
  const { pem } = certificate;
  return { ...certificate.write(folder, 'cert', passphrase), pem, x509: new X509Certificate(pem) };
}
