/**
 * The `Domain` of a cookie (RFC 6265 §5.2.3) that subdomains share.
 * Invariants: a domain is lower-case ASCII and no public suffix, so that no other organization's hosts receive the cookie.
 */
import { createRequire } from 'node:module';
import { domainToASCII } from 'node:url';
import type * as PublicSuffixes from 'tldts';
import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const domainForm = new RegExp(`^(?=.{1,253}$)(?:${label}\\.)+${label}$`);

/** Parses a domain; a dot before it, which RFC 6265 ignores, is dropped. */
export function parseCookieDomain(text: string): Parsed<string> {
  // Other characters would let the URL host parser cut or decode the text: `example.com/x`.
  const domain = /^[\p{L}\p{M}\p{N}.-]+$/u.test(text) ? domainToASCII(text.replace(/^\./, '')) : '';
  if (!domainForm.test(domain) || /^\d+$/.test(domain.slice(domain.lastIndexOf('.') + 1))) {
    return unparsable('it is no domain of at least two labels');
  }
  if (publicSuffixOf(domain) === domain)
    return unparsable('everyone can register a name in it (it is a public suffix)');
  return parsed(domain);
}

/** Whether a host is below the domain. */
export function isBelowDomain(host: string, domain: string): boolean {
  return host.endsWith(`.${domain}`);
}

/** Whether the browser sends the domain's cookies to this https origin. */
export function sharesCookies(origin: string, domain: string): boolean {
  if (!origin.startsWith('https://') || !URL.canParse(origin)) return false;
  const { hostname } = new URL(origin);
  return hostname === domain || isBelowDomain(hostname, domain);
}

// Loaded when it is needed: the list takes 60 ms, a tenth of a start.
function publicSuffixOf(domain: string): string | null {
  const { getPublicSuffix } = createRequire(import.meta.url)('tldts') as typeof PublicSuffixes;
  return getPublicSuffix(domain, { allowPrivateDomains: true });
}
