/** Predicates for values of settings. The schema pairs each with the text that describes it. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { domainToASCII, domainToUnicode } from 'node:url';

// C0, DEL and C1. A line break in a setting could inject a header field or a log line.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for.
const controlCharacter = /[\u0000-\u001f\u007f-\u009f]/;

/** Whether `text` is one non-empty line without control characters. */
export function isLine(text: string): boolean {
  return text !== '' && !controlCharacter.test(text);
}

/** Whether a host is loopback: `localhost`, 127.0.0.0/8, `::1` or `[::1]`. */
export function isLoopback(host: string): boolean {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

/** An address to listen on. Other host names are rejected, because they may resolve differently after the checks. */
export function isListenAddress(text: string): boolean {
  return text === 'localhost' || isIP(text) !== 0;
}

/** An https origin, or an http origin on loopback, without user, path, query and fragment. */
export function isPublicOrigin(text: string): boolean {
  if (!isLine(text) || /[?#\\]/.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  const bare = url.username === '' && url.password === '' && url.pathname === '/' && url.hostname !== '';
  return bare && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)));
}

/** A URL with one of the schemes, which are written with a colon: `smtp:`. */
function isUrlOf(text: string, schemes: readonly string[]): boolean {
  return isLine(text) && URL.canParse(text) && schemes.includes(new URL(text).protocol);
}

/**
 * A URL of an operator's service: https, or http on loopback. It must have no user, because `config print` shows it, and
 * no fragment, because HTTP never sends one.
 */
export function isServiceUrl(text: string): boolean {
  if (!isLine(text) || /[\s#\\]/.test(text) || !URL.canParse(text)) return false;
  const { protocol, username, password, hostname } = new URL(text);
  const isReachable = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
  return isReachable && username === '' && password === '';
}

/** A contact URI (RFC 9116 §2.5.3) that is safe as a line of security.txt. */
export function isReportingAddress(text: string): boolean {
  return isUrlOf(text, ['mailto:', 'https:', 'tel:']) && !/\s/.test(text);
}

/** 32 bytes in canonical, padded base64, as `openssl rand -base64 32` prints them. */
export function isKey(text: string): boolean {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) return false;
  return Buffer.from(text, 'base64').toString('base64') === text;
}

/** A domain or an address literal (RFC 5321 §4.1.2). */
export function isEhloName(text: string): boolean {
  const literal = /^\[(?:IPv6:)?([^\]]*)\]$/.exec(text)?.[1];
  if (literal !== undefined) return text.startsWith('[IPv6:') ? isIPv6(literal) : isIPv4(literal);
  return text.length <= 253 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i.test(text);
}

/**
 * A domain in the canonical form of email addresses, with a leading dot for its subdomains: `example.com`,
 * `.xn--bcher-kva.example`. Other spellings are rejected, because they would never match an address.
 */
export function isMailDomain(text: string): boolean {
  const domain = text.startsWith('.') ? text.slice(1) : text;
  const isWritten = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$/.test(domain);
  // Node returns an A-label that is not Punycode unchanged.
  const unicode = domainToUnicode(domain);
  return isWritten && domainToASCII(unicode) === domain && (unicode !== domain || !domain.includes('xn--'));
}
