import { type CborMap, decodeCbor } from './cbor.ts';
import { type CredentialPublicKey, verifySignature } from './cose.ts';

/** An attestation object (WebAuthn L3 §6.5.4). */
export type AttestationObject = {
  readonly format: string;
  readonly statement: CborMap;
  readonly authenticatorData: Buffer;
};

/** Parses an attestation object; undefined when it is not canonical, or has other members than the three. */
export function parseAttestationObject(bytes: Buffer): AttestationObject | undefined {
  const members = decodeCbor(bytes);
  if (!isMap(members) || members.size !== 3) return undefined;
  const [format, statement, authenticatorData] = ['fmt', 'attStmt', 'authData'].map((name) => members.get(name));
  if (typeof format !== 'string' || !isMap(statement) || !Buffer.isBuffer(authenticatorData)) return undefined;
  return { format, statement, authenticatorData };
}

/**
 * Verifies the statement of a registration that requested the attestation `none`. Browsers then return `none` with an empty
 * statement, or a self attestation (WebAuthn L3 §5.1.3 and §8.2), which the credential's own key signs. Certificates would
 * prove nothing, because this server trusts no manufacturer; other formats are rejected.
 *
 * @param signed authenticator data, followed by the hash of the client data.
 */
export function isAcceptedAttestation(
  { format, statement }: AttestationObject,
  { algorithm, publicKey }: CredentialPublicKey,
  signed: Buffer,
): boolean {
  if (format === 'none') return statement.size === 0;
  const signature = statement.get('sig');
  if (format !== 'packed' || statement.size !== 2 || !Buffer.isBuffer(signature)) return false;
  return statement.get('alg') === algorithm && verifySignature(algorithm, publicKey, signed, signature);
}

function isMap(value: unknown): value is CborMap {
  return value instanceof Map;
}
