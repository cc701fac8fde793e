/**
 * The JSON forms that `PublicKeyCredential.toJSON()` returns (WebAuthn L3 §5.1), reduced to the members that are verified.
 * Browsers add members over time, so further ones are dropped instead of rejected. Lengths are bounded far above the
 * output of authenticators.
 */
import { z } from 'zod';

const base64url = (maxCharacters: number) =>
  z
    .string()
    .min(1)
    .max(maxCharacters)
    .regex(/^[A-Za-z0-9_-]+$/);

/** 16 to 1023 bytes (WebAuthn L3 §4 and §7.1). */
const credentialId = base64url(1364).min(22);

/** About 250 bytes in today's browsers. */
const clientDataJSON = base64url(4096);

/** `RegistrationResponseJSON`, the response of `navigator.credentials.create()`. */
export const registrationResponseSchema = z.object({
  id: credentialId,
  rawId: credentialId,
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON,
    /** 0.2 to 1 kB with the attestation `none`; certificates of other attestations take up to 5 kB. */
    attestationObject: base64url(8192),
    /** WebAuthn L3 §5.8.4 allows unknown values. */
    transports: z
      .array(z.string().regex(/^[a-z-]{1,32}$/))
      .max(10)
      .optional(),
  }),
});

export type RegistrationResponseJson = z.infer<typeof registrationResponseSchema>;

/** `AuthenticationResponseJSON`, the response of `navigator.credentials.get()`. */
export const authenticationResponseSchema = z.object({
  id: credentialId,
  rawId: credentialId,
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON,
    /** 37 bytes and the outputs of extensions. */
    authenticatorData: base64url(2048),
    /** 512 bytes with the longest RSA key. */
    signature: base64url(1024),
    /** At most 64 bytes; older libraries send null in place of leaving it out. */
    userHandle: base64url(88).nullish(),
  }),
});

export type AuthenticationResponseJson = z.infer<typeof authenticationResponseSchema>;
