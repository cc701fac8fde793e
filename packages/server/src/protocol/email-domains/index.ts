/**
 * Allow and deny lists of email domains, for registration.
 * Invariants: canonical forms are compared, so another spelling does not bypass a list; deny takes precedence over allow;
 * an empty allow list allows every domain; `.example.com` matches subdomains of example.com at any depth, but not
 * example.com itself.
 */

/** The values of `LATCHKEY_EMAIL_DOMAINS_ALLOW` and `LATCHKEY_EMAIL_DOMAINS_DENY`. */
export interface EmailDomains {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/** Whether the lists permit registration with a canonical address. */
export function allowsAddress({ allow, deny }: EmailDomains, canonical: string): boolean {
  const domain = canonical.slice(canonical.lastIndexOf('@') + 1);
  const matches = (entry: string) => (entry.startsWith('.') ? domain.endsWith(entry) : domain === entry);
  return !deny.some(matches) && (allow.length === 0 || allow.some(matches));
}
