/**
 * Which domains' addresses may register: an allow list and a deny list. Owns no table.
 * Invariants: only the canonical form is compared, so no spelling gets around a list; what is denied stays denied when it
 * is also allowed; an empty allow list allows everything; `.example.com` stands for every subdomain of example.com, at
 * any depth, and not for example.com itself.
 */

/** The lists, in the form that `LATCHKEY_EMAIL_DOMAINS_*` takes. */
export interface EmailDomains {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/** Whether the lists let a canonical address register. */
export function allowsAddress({ allow, deny }: EmailDomains, canonical: string): boolean {
  const domain = canonical.slice(canonical.lastIndexOf('@') + 1);
  const isNamed = (entry: string) => (entry.startsWith('.') ? domain.endsWith(entry) : domain === entry);
  return !deny.some(isNamed) && (allow.length === 0 || allow.some(isNamed));
}
