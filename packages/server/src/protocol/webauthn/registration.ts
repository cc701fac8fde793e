import { isAcceptedAttestation, parseAttestationObject } from './attestation.ts';
import {
  type AttestedCredential,
  type AuthenticatorData,
  isForRp,
  parseAuthenticatorData,
} from './authenticator-data.ts';
import { decodeAll } from './base64url.ts';
import type { VerifiedChallenge } from './challenge.ts';
import {
  type Ceremony,
  type ClientData,
  type ClientDataProblem,
  checkClientData,
  parseClientData,
} from './client-data.ts';
import { type CoseAlgorithm, importCoseKey } from './cose.ts';
import type { RegistrationResponseJson } from './schemas.ts';

export type RegistrationExpectations = Ceremony & {
  readonly rpId: string;
  /** False for a security key that is a second factor only. */
  readonly requireUserVerification: boolean;
};

/** The values of a new credential, for storage. */
export type RegisteredCredential = {
  readonly credentialId: Buffer;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
  readonly algorithm: CoseAlgorithm;
  readonly signCount: number;
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  readonly userVerified: boolean;
  /** The model of the authenticator as a UUID; zeros when it is not disclosed. Unverified. */
  readonly aaguid: string;
  /** Hints for the browser. Unverified. */
  readonly transports: readonly string[];
};

export type RegistrationProblem =
  | 'malformed'
  | ClientDataProblem
  | 'rp_id'
  | 'user_presence'
  | 'user_verification'
  | 'backup_state'
  | 'algorithm'
  | 'public_key'
  | 'attestation'
  | 'credential_id';

export type RegistrationResult =
  | { readonly kind: 'ok'; readonly credential: RegisteredCredential; readonly challenge: VerifiedChallenge }
  | { readonly kind: 'invalid'; readonly reason: RegistrationProblem };

/**
 * Verifies a registration (WebAuthn L3 §7.1): client data, RP ID, user presence and verification, backup flags, public key,
 * attestation, credential id. Only the client data and nothing of the authenticator is authenticated at this point: the first
 * assertion proves that the private key exists.
 * It does not spend the challenge. The caller's unique constraint rejects an id that is registered already.
 */
export function verifyRegistration(
  response: RegistrationResponseJson,
  expected: RegistrationExpectations,
): RegistrationResult {
  const decoded = decode(response);
  if (decoded === undefined) return invalid('malformed');
  const checked = checkClientData(decoded.clientData, 'webauthn.create', expected);
  if (checked.kind === 'invalid') return checked;
  const problem = problemOfFlags(decoded.data, expected);
  if (problem !== undefined) return invalid(problem);
  const imported = importCoseKey(decoded.attested.publicKey);
  if (imported.kind === 'invalid') return imported;
  if (!isAcceptedAttestation(decoded.attestation, imported.key, decoded.signed)) return invalid('attestation');
  const { aaguid, credentialId } = decoded.attested;
  if (response.id !== response.rawId || !credentialId.equals(decoded.rawId)) return invalid('credential_id');
  const { spki: publicKey, algorithm } = imported.key;
  const { signCount, backupEligible, backedUp, userVerified } = decoded.data;
  const transports = [...new Set(response.response.transports)];
  const stored = { credentialId, publicKey, algorithm, signCount, backupEligible, backedUp, userVerified };
  return {
    kind: 'ok',
    credential: { ...stored, aaguid: formatUuid(aaguid), transports },
    challenge: checked.challenge,
  };
}

function invalid(reason: RegistrationProblem): { kind: 'invalid'; reason: RegistrationProblem } {
  return { kind: 'invalid', reason };
}

function problemOfFlags(data: AuthenticatorData, expected: RegistrationExpectations): RegistrationProblem | undefined {
  if (!isForRp(data, expected.rpId)) return 'rp_id';
  if (!data.userPresent) return 'user_presence';
  if (expected.requireUserVerification && !data.userVerified) return 'user_verification';
  if (data.backedUp && !data.backupEligible) return 'backup_state';
  return undefined;
}

type Decoded = {
  readonly rawId: Buffer;
  readonly clientData: ClientData;
  readonly attestation: NonNullable<ReturnType<typeof parseAttestationObject>>;
  readonly data: AuthenticatorData;
  readonly attested: AttestedCredential;
  readonly signed: Buffer;
};

function decode({ rawId: id, response }: RegistrationResponseJson): Decoded | undefined {
  const fields = decodeAll([id, response.clientDataJSON, response.attestationObject]);
  if (fields === undefined) return undefined;
  const [rawId, clientDataBytes, attestationBytes] = fields;
  const clientData = parseClientData(clientDataBytes);
  const attestation = parseAttestationObject(attestationBytes);
  if (clientData === undefined || attestation === undefined) return undefined;
  const data = parseAuthenticatorData(attestation.authenticatorData);
  if (data?.credential === undefined) return undefined;
  const signed = Buffer.concat([attestation.authenticatorData, clientData.hash]);
  return { rawId, clientData, attestation, data, attested: data.credential, signed };
}

/** RFC 9562 §4. */
function formatUuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
