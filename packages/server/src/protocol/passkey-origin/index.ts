/** The RP ID and the origins of passkeys (WebAuthn Level 3 §4, §13.4.9), as an operator writes them. */
import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import { isBelowDomain, parseCookieDomain } from '#protocol/cookie-domain/index.ts';

/** SHA-256 of an Android app's certificate in base64url, as `clientDataJSON` of Credential Manager has it. */
const androidApp = /^android:apk-key-hash:[A-Za-z0-9_-]{43}$/;

/** Parses an origin: https, http on `localhost`, or the key hash of an Android app. Compared as exact text later. */
export function parsePasskeyOrigin(text: string): Parsed<string> {
  if (androidApp.test(text)) return parsed(text);
  if (!/^[\x21-\x7e]{1,300}$/.test(text) || !URL.canParse(text)) return unparsable('it is no origin');
  const { origin, protocol, hostname } = new URL(text);
  if (origin !== text) return unparsable('an origin has no path, no default port and no capitals');
  const isLocal = protocol === 'http:' && hostname === 'localhost';
  if (protocol !== 'https:' && !isLocal) return unparsable('it is not https');
  if (isAddress(hostname)) return unparsable('passkeys need a domain, and this is an IP address');
  return parsed(text);
}

/** Parses an RP ID: a domain that is no public suffix, or `localhost`. */
export function parseRpId(text: string): Parsed<string> {
  if (text === 'localhost') return parsed(text);
  return text.startsWith('.') ? unparsable('it begins with a dot') : parseCookieDomain(text);
}

/** The RP ID of a host without a setting: its name. Undefined for an IP address, which browsers do not accept. */
export function rpIdOfHost(hostname: string): string | undefined {
  return isAddress(hostname) ? undefined : hostname;
}

/** Whether pages of the host can use the RP ID without a file of related origins. */
export function coversHost(rpId: string, hostname: string): boolean {
  return hostname === rpId || isBelowDomain(hostname, rpId);
}

/** The origins that the file of related origins must list (WebAuthn L3 §5.11): web pages that the RP ID does not cover. */
export function relatedOrigins(rpId: string, origins: readonly string[]): string[] {
  return origins.filter((origin) => !androidApp.test(origin) && !coversHost(rpId, new URL(origin).hostname));
}

/** A URL's host in its canonical form: IPv6 is in brackets, and every spelling of IPv4 has become four numbers. */
function isAddress(hostname: string): boolean {
  return hostname.startsWith('[') || /^\d+(?:\.\d+){3}$/.test(hostname);
}
