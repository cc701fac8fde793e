/** Whether the email in a provider's claims is proven. The claims are verified; their types are not. */
import { parseEmailAddress } from '#protocol/email-address/index.ts';
import type { EmailProof } from './presets.ts';
import type { ProviderIdentity } from './provider.ts';

export type Claims = Readonly<Record<string, unknown>>;

type Rule = (claims: Claims, domain: string, authorityFor: readonly string[]) => boolean;

const rules: Readonly<Record<EmailProof, Rule>> = {
  // `hd` is the domain of a Google Workspace, whose mail Google delivers. Elsewhere the address was verified once.
  google: ({ email_verified, hd }, domain) =>
    email_verified === true && (domain === 'gmail.com' || (typeof hd === 'string' && hd.toLowerCase() === domain)),
  // Apple documents both the boolean and the text.
  apple: ({ email_verified }) => email_verified === true || email_verified === 'true',
  // Any tenant's administrator can set any email. Only this claim says that the tenant owns the domain.
  microsoft: ({ xms_edov }) => xms_edov === true,
  listed_domains: ({ email_verified }, domain, authorityFor) =>
    email_verified === true && authorityFor.includes(domain),
  never: () => false,
};

/** The email of the claims; undefined when there is none that can be an address here. */
export function emailOf(
  claims: Claims,
  proof: EmailProof,
  authorityFor: readonly string[],
): ProviderIdentity['email'] | undefined {
  if (typeof claims.email !== 'string') return undefined;
  const parsed = parseEmailAddress(claims.email);
  if (parsed.kind === 'invalid') return undefined;
  const { asTyped, canonical } = parsed.address;
  const domain = canonical.slice(canonical.lastIndexOf('@') + 1);
  return { address: asTyped, proven: rules[proof](claims, domain, authorityFor) };
}
