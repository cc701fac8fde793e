/** Passkeys and the options of their ceremonies as JSON, the same for every endpoint. */
import { z } from 'zod';
import type { Passkey } from '#domain/passkeys/index.ts';
import { exampleValues } from '#platform/http/index.ts';
import type { CreationOptionsJson, RequestOptionsJson } from '#protocol/webauthn/index.ts';

/** A passkey or security key of the user. */
export const passkeyData = z.object({
  id: z.uuid(),
  name: z.string(),
  credentialId: z.string(),
  /** Whether it can sign in by itself. Otherwise it is a second factor only. */
  firstFactor: z.boolean(),
  /** Since a recovery of the account by mail it is a second factor only, until the user resumes it. */
  suspended: z.boolean(),
  /** Whether it can be, and is, synced to other devices. */
  backupEligible: z.boolean(),
  backedUp: z.boolean(),
  /** The model of the authenticator; null when it is not disclosed. */
  aaguid: z.string().nullable(),
  transports: z.array(z.string()),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().nullable(),
});

const exampleId = '0197a2b4-7c1d-7000-8000-0000000000a1';
const exampleCredential = 'mC1lZGl0aW9uLTE5OTctd2ViYXV0aG4';
const exampleChallenge = 'AAECAwQFBgcICQoLDA0ODwGbfWQ8AHjWQ2kUu0F6VMf3x4XqKk0';

export const passkeyExample: z.output<typeof passkeyData> = {
  id: exampleId,
  name: 'Chrome on Windows',
  credentialId: exampleCredential,
  firstFactor: true,
  suspended: false,
  backupEligible: true,
  backedUp: true,
  aaguid: null,
  transports: ['internal', 'hybrid'],
  createdAt: exampleValues.createdAt,
  lastUsedAt: exampleValues.authTime,
};

/** WebAuthn L3 §6.5.1. */
const undisclosed = '00000000-0000-0000-0000-000000000000';

export function passkeyDataOf(passkey: Passkey): z.output<typeof passkeyData> {
  const { id, name, verifiesUser, backupEligible, backedUp, aaguid, transports, suspendedAt } = passkey;
  return {
    id,
    name,
    credentialId: passkey.credentialId.toString('base64url'),
    firstFactor: verifiesUser && suspendedAt === null,
    suspended: suspendedAt !== null,
    backupEligible,
    backedUp,
    aaguid: aaguid === undisclosed ? null : aaguid,
    transports: [...transports],
    createdAt: passkey.createdAt.toISOString(),
    lastUsedAt: passkey.lastUsedAt?.toISOString() ?? null,
  };
}

/** The argument of `PublicKeyCredential.signalAllAcceptedCredentials()` (WebAuthn L3 §5.1.10). */
export const signalData = z.object({
  rpId: z.string(),
  userId: z.string(),
  allAcceptedCredentialIds: z.array(z.string()),
});

export const signalExample: z.output<typeof signalData> = {
  rpId: 'auth.example.com',
  userId: 'u8dA0h0v7bq6F2c3m9t1x5y7z0A2B4C6D8E0F1G3H5I',
  allAcceptedCredentialIds: [exampleCredential],
};

/** The passkeys of a user for their authenticator; undefined without a user handle. */
export function signalOf(
  rpId: string | undefined,
  userHandle: Buffer | undefined,
  passkeys: readonly Passkey[],
): z.output<typeof signalData> | undefined {
  if (rpId === undefined || userHandle === undefined) return undefined;
  const allAcceptedCredentialIds = passkeys.map(({ credentialId }) => credentialId.toString('base64url'));
  return { rpId, userId: userHandle.toString('base64url'), allAcceptedCredentialIds };
}

const descriptor = z.object({
  type: z.literal('public-key'),
  id: z.string(),
  transports: z.array(z.string()).optional(),
});

/** For `PublicKeyCredential.parseRequestOptionsFromJSON()`. */
export const requestOptionsData = z.object({
  challenge: z.string(),
  timeout: z.int(),
  rpId: z.string(),
  allowCredentials: z.array(descriptor),
  userVerification: z.enum(['required', 'preferred']),
});

export const requestOptionsExample: z.output<typeof requestOptionsData> = {
  challenge: exampleChallenge,
  timeout: 600_000,
  rpId: 'auth.example.com',
  allowCredentials: [],
  userVerification: 'required',
};

/** For `PublicKeyCredential.parseCreationOptionsFromJSON()`. */
export const creationOptionsData = z.object({
  rp: z.object({ id: z.string(), name: z.string() }),
  user: z.object({ id: z.string(), name: z.string(), displayName: z.string() }),
  challenge: z.string(),
  pubKeyCredParams: z.array(z.object({ type: z.literal('public-key'), alg: z.int() })),
  timeout: z.int(),
  excludeCredentials: z.array(descriptor),
  authenticatorSelection: z.object({
    residentKey: z.enum(['required', 'discouraged']),
    requireResidentKey: z.boolean(),
    userVerification: z.enum(['required', 'preferred']),
  }),
  attestation: z.literal('none'),
});

export const creationOptionsExample: z.output<typeof creationOptionsData> = {
  rp: { id: 'auth.example.com', name: 'auth.example.com' },
  user: { id: signalExample.userId, name: exampleValues.email, displayName: 'Ada Lovelace' },
  challenge: exampleChallenge,
  pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
  timeout: 600_000,
  excludeCredentials: [],
  authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
  attestation: 'none',
};

/** The protocol's options as a mutable copy, which the response schemas describe. */
export function requestOptionsDataOf(options: RequestOptionsJson): z.output<typeof requestOptionsData> {
  return structuredClone(options) as z.output<typeof requestOptionsData>;
}

export function creationOptionsDataOf(options: CreationOptionsJson): z.output<typeof creationOptionsData> {
  return structuredClone(options) as z.output<typeof creationOptionsData>;
}
