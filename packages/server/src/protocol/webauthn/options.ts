import { encodeBase64url } from './base64url.ts';
import { challengeLifetimeMs } from './challenge.ts';
import { coseAlgorithms } from './cose.ts';

/** A stored credential that a ceremony excludes or allows. */
export type CredentialReference = { readonly credentialId: Uint8Array; readonly transports: readonly string[] };

export type CreationRequest = {
  readonly rp: { readonly id: string; readonly name: string };
  readonly user: {
    /** 1 to 64 random bytes, the same for all passkeys of a user; it is no personal data (WebAuthn L3 §14.6.1). */
    readonly handle: Uint8Array;
    readonly name: string;
    readonly displayName: string;
  };
  readonly challenge: string;
  /** The user's credentials, so that an authenticator is not registered twice. */
  readonly exclude: readonly CredentialReference[];
  /** A passkey can log in by itself; a security key is a second factor and need not store or verify anything. */
  readonly kind: 'passkey' | 'security_key';
};

type CredentialDescriptorJson = {
  readonly type: 'public-key';
  readonly id: string;
  readonly transports?: readonly string[];
};

/** `PublicKeyCredentialCreationOptionsJSON` (WebAuthn L3 §5.4). */
export type CreationOptionsJson = {
  readonly rp: { readonly id: string; readonly name: string };
  readonly user: { readonly id: string; readonly name: string; readonly displayName: string };
  readonly challenge: string;
  readonly pubKeyCredParams: readonly { readonly type: 'public-key'; readonly alg: number }[];
  readonly timeout: number;
  readonly excludeCredentials: readonly CredentialDescriptorJson[];
  readonly authenticatorSelection: {
    readonly residentKey: 'required' | 'discouraged';
    readonly requireResidentKey: boolean;
    readonly userVerification: 'required' | 'preferred';
  };
  readonly attestation: 'none';
};

/** `PublicKeyCredentialRequestOptionsJSON` (WebAuthn L3 §5.5). */
export type RequestOptionsJson = {
  readonly challenge: string;
  readonly timeout: number;
  readonly rpId: string;
  readonly allowCredentials: readonly CredentialDescriptorJson[];
  readonly userVerification: 'required' | 'preferred';
};

/** The options for `navigator.credentials.create()`, for `PublicKeyCredential.parseCreationOptionsFromJSON()`. */
export function creationOptions({ rp, user, challenge, exclude, kind }: CreationRequest): CreationOptionsJson {
  const isPasskey = kind === 'passkey';
  return {
    rp: { id: rp.id, name: rp.name },
    user: { id: encodeBase64url(user.handle), name: user.name, displayName: user.displayName },
    challenge,
    pubKeyCredParams: coseAlgorithms.map((alg) => ({ type: 'public-key', alg })),
    timeout: challengeLifetimeMs,
    excludeCredentials: exclude.map(toDescriptor),
    authenticatorSelection: {
      residentKey: isPasskey ? 'required' : 'discouraged',
      // Clients of WebAuthn Level 1 know only this member (WebAuthn L3 §5.4.4).
      requireResidentKey: isPasskey,
      userVerification: isPasskey ? 'required' : 'preferred',
    },
    attestation: 'none',
  };
}

/**
 * The options for `navigator.credentials.get()`, for `PublicKeyCredential.parseRequestOptionsFromJSON()`.
 *
 * @param request Without `allow` the browser offers every discoverable credential of the RP ID, and the options do not
 *   depend on the user.
 */
export function requestOptions(request: {
  readonly rpId: string;
  readonly challenge: string;
  readonly allow: readonly CredentialReference[];
  readonly requireUserVerification: boolean;
}): RequestOptionsJson {
  return {
    challenge: request.challenge,
    timeout: challengeLifetimeMs,
    rpId: request.rpId,
    allowCredentials: request.allow.map(toDescriptor),
    userVerification: request.requireUserVerification ? 'required' : 'preferred',
  };
}

/** An empty list of transports would mean that none is possible, so it is left out. */
function toDescriptor({ credentialId, transports }: CredentialReference): CredentialDescriptorJson {
  const descriptor = { type: 'public-key', id: encodeBase64url(credentialId) } as const;
  return transports.length === 0 ? descriptor : { ...descriptor, transports };
}
