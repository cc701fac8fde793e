/** Certificates generated at test time, so that no key is committed and no other program is needed. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** Key and certificate of a TLS server, as PEM. */
export interface TestCertificate {
  readonly key: string;
  /** Self-signed; a client that trusts it trusts no other certificate. */
  readonly cert: string;
}

const tag = {
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  text: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
};

/** Makes a certificate for DNS names (RFC 5280), valid from 2020 until the end of `lastYear`, before 2050. */
export function makeCertificate(names: readonly string[], { lastYear = 2049 } = {}): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // 1.2.840.10045.4.3.2, ecdsa-with-SHA256 (RFC 5758 §3.2).
  const algorithm = der(tag.sequence, der(tag.oid, Buffer.from('2a8648ce3d040302', 'hex')));
  const commonName = [der(tag.oid, Buffer.from('550403', 'hex')), der(tag.text, Buffer.from('test'))];
  const name = der(tag.sequence, der(tag.set, der(tag.sequence, ...commonName)));
  const until = `${String(lastYear % 100).padStart(2, '0')}1231235959Z`;
  const validity = [Buffer.from('200101000000Z'), Buffer.from(until)].map((time) => der(tag.utcTime, time));
  const subjectAltNames = der(tag.sequence, ...names.map((dnsName) => der(0x82, Buffer.from(dnsName))));
  const extension = [der(tag.oid, Buffer.from('551d11', 'hex')), der(tag.octets, subjectAltNames)];
  const body = der(
    tag.sequence,
    der(0xa0, der(tag.integer, Buffer.of(2))),
    der(tag.integer, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    algorithm,
    name,
    der(tag.sequence, ...validity),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(tag.sequence, der(tag.sequence, ...extension))),
  );
  const signature = der(tag.bits, Buffer.of(0), sign('sha256', body, privateKey));
  const certificate = der(tag.sequence, body, algorithm, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`,
  };
}

/** Encodes a DER value (X.690 §8.1) of at most 65,535 bytes. */
function der(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const short = length < 128 ? [length] : [0x81, length];
  return Buffer.concat([Buffer.of(type, ...(length < 256 ? short : [0x82, length >> 8, length & 255])), content]);
}
