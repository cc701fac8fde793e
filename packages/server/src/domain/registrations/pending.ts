import { z } from 'zod';
import { tokenAssociatedData } from '#domain/one-time-tokens/index.ts';
import type { Keys } from '#platform/keys/index.ts';

const identitySchema = z.strictObject({
  issuer: z.string(),
  subject: z.string(),
  email: z.string().nullable(),
  name: z.string().nullable(),
});

const commonFields = {
  /** The same in a link and its repetitions, so that two registrations of an address can be distinguished. */
  registrationId: z.uuid(),
  registeredAt: z.iso.datetime(),
  asTyped: z.string(),
  name: z.string(),
  locale: z.string(),
  /** The return address of the sign-up: a link that is opened in another browser leads on to it after signing in. */
  continueTo: z.string().optional(),
};

/** A registration carries a password, or the identity at a provider that does not vouch for the address. */
const payloadSchema = z.union([
  z.strictObject({ ...commonFields, phc: z.string() }),
  z.strictObject({ ...commonFields, identity: identitySchema }),
]);

/** An identity at a provider that a registration carries: its user has it once the address is verified. */
export type CarriedIdentity = z.infer<typeof identitySchema>;

/** The payload of a verification link: opening the link sets this password or links this identity, and sets name, locale and spelling of the address. */
export type PendingRegistration = z.infer<typeof payloadSchema>;

/** Encrypts the payload under the data key `password`, like every PHC string (invariant 15). */
export function sealRegistration(keys: Keys, tokenId: string, registration: PendingRegistration): Buffer {
  return keys.seal('password', JSON.stringify(registration), tokenAssociatedData(tokenId));
}

/** Decrypts the payload; throws when it was encrypted for another row. */
export function openRegistration(keys: Keys, tokenId: string, sealed: Buffer): PendingRegistration {
  return payloadSchema.parse(JSON.parse(keys.open('password', sealed, tokenAssociatedData(tokenId)).toString('utf8')));
}
