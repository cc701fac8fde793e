/** The settings of a provider: the column `settings`, and the entries of the section `providers` of the settings file. */
import { z } from 'zod';

/** A host of mail, as `protocol/email-address` makes it canonical. */
const domain = z.string().regex(/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*$/);
const url = z.string().max(2048).refine(URL.canParse, 'must be a URL');
const member = z.string().regex(/^[\w-]+(?:\.[\w-]+){0,5}$/);
const clientId = z.string().regex(/^[\x21-\x7e]{1,255}$/);

/**
 * Unknown members are dropped: a row may be of a newer release. Text that an operator writes is checked by the strict form
 * of the same schema.
 */
export const providerSettings = z.object({
  clientId,
  /** Allows private addresses and, outside production, http to loopback: an operator's own provider. */
  allowPrivate: z.boolean().default(false),
  /** Domains whose `email_verified` counts, because this provider is the authority for them. */
  emailDomains: z.array(domain).max(100).default([]),
  /** The `aud` of ID tokens that native applications send. */
  nativeClientIds: z.array(clientId).max(20).default([]),
  /** Whether an assertion of two factors counts as two here. */
  trustsTwoFactors: z.boolean().default(false),
  /** Replaces the scopes of the preset. */
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/))
    .max(50)
    .optional(),
  clientAuthentication: z.enum(['basic', 'post']).optional(),
  responseMode: z.enum(['query', 'form_post']).optional(),
  /** Microsoft: the tenants whose users can sign in. */
  tenants: z.array(z.uuid().toLowerCase()).max(100).default([]),
  /** Apple: the key that signs the client secret. */
  apple: z.object({ teamId: z.string().regex(/^[A-Z0-9]{10}$/), keyId: z.string().regex(/^[A-Z0-9]{10}$/) }).optional(),
  /** Generic OAuth 2.0, which has no discovery. */
  endpoints: z.object({ authorization: url, token: url, profile: url }).optional(),
  /** Generic OAuth 2.0: where the profile has these, as a path such as `data.user.id`. */
  members: z
    .object({ subject: member.default('id'), email: member.default('email'), name: member.default('name') })
    .default({ subject: 'id', email: 'email', name: 'name' }),
});

export type ProviderSettings = z.output<typeof providerSettings>;
