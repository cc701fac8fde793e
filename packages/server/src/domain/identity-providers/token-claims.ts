/** Checks of ID tokens that oauth4webapi and jose leave out. */
import type { Claims } from './email-proof.ts';
import { type IdentityProvider, ProviderRefusal } from './provider.ts';

const placeholder = '{tenantid}';

/**
 * Rejects further audiences and a foreign authorized party (OpenID Connect Core §3.1.3.7). A token that names other clients
 * may have been given to them.
 *
 * @param parties the client ids that may be `azp`.
 */
export function requireAudience(
  provider: IdentityProvider,
  { aud, azp }: Claims,
  accepted: readonly string[],
  parties: readonly string[] = accepted,
): void {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const only = list.length === 1 ? list[0] : undefined;
  const isOurs = typeof only === 'string' && accepted.includes(only);
  const isParty = azp === undefined || (typeof azp === 'string' && parties.includes(azp));
  if (isOurs && isParty) return;
  const claim = isOurs ? 'azp' : 'aud';
  throw new ProviderRefusal('invalid', `identity provider ${provider.id}: the ID token has a foreign ${claim}`);
}

/**
 * The issuer that the ID token of a token response must have: that of the provider, and for Microsoft that of the token's
 * own tenant, if it is listed. The token is not verified yet; its `iss` is compared with this afterwards.
 */
export async function issuerOfTenant(provider: IdentityProvider, tokenResponse: Response): Promise<string> {
  if (!hasTenants(provider)) return provider.issuer;
  return tenantIssuer(provider, readClaims(await tokenResponse.text()));
}

/** As `issuerOfTenant`, from claims. */
export function tenantIssuer(provider: IdentityProvider, { tid }: Claims): string {
  if (!hasTenants(provider)) return provider.issuer;
  if (typeof tid !== 'string' || !provider.settings.tenants.includes(tid))
    throw new ProviderRefusal('invalid', `identity provider ${provider.id}: the tenant is not listed`);
  return provider.issuer.replace(placeholder, tid);
}

/**
 * The subject of an identity: `sub`, and for Microsoft the tenant before it, because its issuer stands for all listed tenants
 * and `sub` is unique within the token's own issuer (OpenID Connect Core §2).
 */
export function subjectIn(provider: IdentityProvider, { tid, sub }: Claims): unknown {
  return hasTenants(provider) && typeof sub === 'string' ? `${String(tid)}/${sub}` : sub;
}

/** Whether the issuer stands for several tenants. */
export function hasTenants({ issuer }: IdentityProvider): boolean {
  return issuer.includes(placeholder);
}

/** The claims of the ID token of a token response, unverified; empty when there are none. */
function readClaims(body: string): Claims {
  const { id_token: token } = parseObject(body);
  const payload = typeof token === 'string' ? (token.split('.')[1] ?? '') : '';
  return parseObject(Buffer.from(payload, 'base64url').toString());
}

function parseObject(text: string): Claims {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch (error) {
    // Malformed JSON is expected input; any other error is a bug.
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
