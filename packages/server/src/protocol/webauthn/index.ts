/**
 * Verification of passkeys and security keys (WebAuthn Level 3) as a relying party: options, challenges, registrations,
 * assertions. It has no clock, no storage and no keys; its callers own the credentials' rows, spend the challenge and
 * compare the counter in the statement of the effect.
 * Invariants: every result is a value with a closed set of reasons; each accepted response has one encoding (canonical CBOR
 * and base64url, no bytes left over); only Ed25519, ES256 and RS256 keys that are valid points or moduli are accepted; a
 * challenge is accepted only for the purpose and binding of its issue; a response from a frame of another site is rejected.
 * Attestation is not requested, and certificates are not verified.
 */
export {
  type AssertionExpectations,
  type AssertionProblem,
  type AssertionResult,
  type ParsedAssertion,
  type ParsedAssertionResult,
  parseAssertion,
  verifyAssertion,
} from './assertion.ts';
export {
  type ChallengeContext,
  type ChallengePurpose,
  challengeCheck,
  issueChallenge,
  type VerifiedChallenge,
} from './challenge.ts';
export type { Ceremony } from './client-data.ts';
export { type CoseAlgorithm, coseAlgorithms } from './cose.ts';
export {
  type CreationOptionsJson,
  type CreationRequest,
  type CredentialReference,
  creationOptions,
  type RequestOptionsJson,
  requestOptions,
} from './options.ts';
export {
  type RegisteredCredential,
  type RegistrationExpectations,
  type RegistrationProblem,
  type RegistrationResult,
  verifyRegistration,
} from './registration.ts';
export {
  type AuthenticationResponseJson,
  authenticationResponseSchema,
  type RegistrationResponseJson,
  registrationResponseSchema,
} from './schemas.ts';
