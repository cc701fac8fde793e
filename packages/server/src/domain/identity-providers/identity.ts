/** The identity that a provider asserts, from verified claims. */
import { acceptText } from '#protocol/untrusted-text/index.ts';
import { type Claims, emailOf } from './email-proof.ts';
import type { Preset } from './presets.ts';
import { type IdentityProvider, type ProviderIdentity, ProviderRefusal } from './provider.ts';
import { subjectIn } from './token-claims.ts';

const maxNameCodePoints = 200;

/** Assertions of two factors (RFC 8176 §2; OpenID EAP; REFEDS). */
const strongMethod = 'mfa';
const strongContexts = ['phr', 'phrh', 'https://refeds.org/profile/mfa'];

/**
 * The identity of verified claims.
 *
 * @param contact the claims that have the email and the name: those of the ID token, or of the UserInfo endpoint.
 */
export function identityOf(
  provider: IdentityProvider,
  preset: Preset,
  { claims, contact }: { readonly claims: Claims; readonly contact: Claims },
): ProviderIdentity {
  const { settings } = provider;
  return {
    issuer: provider.issuer,
    subject: subjectOf(provider, subjectIn(provider, claims)),
    email: emailOf(contact, preset.emailProof, settings.emailDomains),
    name: nameOf(contact.name),
    strength: settings.trustsTwoFactors && assertsTwoFactors(claims) ? 'two' : 'one',
  };
}

function assertsTwoFactors({ amr, acr }: Claims): boolean {
  return (Array.isArray(amr) && amr.includes(strongMethod)) || strongContexts.some((context) => context === acr);
}

/** 1 to 255 printable ASCII characters (OpenID Connect Core §2); a number only if it is exact. */
export function subjectOf(provider: IdentityProvider, value: unknown): string {
  const text = Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text === 'string' && /^[\x20-\x7e]{1,255}$/.test(text)) return text;
  throw new ProviderRefusal('invalid', `identity provider ${provider.id}: the subject is missing or malformed`);
}

/** A name to prefill; undefined when it is none that an account could have here. */
export function nameOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const accepted = acceptText(value, maxNameCodePoints);
  return accepted.kind === 'ok' ? accepted.text : undefined;
}
