/** What a value must look like, as pure predicates; the schema pairs each with a sentence. */
import { isIP } from 'node:net';
import { domainToASCII, domainToUnicode } from 'node:url';

// C0, DEL and C1: never part of a setting, and a line break in one would forge a header or a log line.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for.
const controlCharacter = /[\u0000-\u001f\u007f-\u009f]/;

/** One line of text without control characters. */
export function isLine(text: string): boolean {
  return text !== '' && !controlCharacter.test(text);
}

/** Whether only this machine can reach an address or origin host: `localhost`, 127.0.0.0/8, `::1` (also in brackets). */
export function isLoopback(host: string): boolean {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

/** Something to listen on. A host name is refused because what it resolves to may change after the checks. */
export function isListenAddress(text: string): boolean {
  return text === 'localhost' || isIP(text) !== 0;
}

/** An https origin, or an http one that only this machine can reach; no user, path, query or fragment. */
export function isPublicOrigin(text: string): boolean {
  if (!isLine(text) || /[?#\\]/.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  const bare = url.username === '' && url.password === '' && url.pathname === '/' && url.hostname !== '';
  return bare && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)));
}

/** A URL of one of the schemes, each written with its colon. */
export function isUrlOf(text: string, schemes: readonly string[]): boolean {
  return isLine(text) && URL.canParse(text) && schemes.includes(new URL(text).protocol);
}

/**
 * A URL of a service of the operator's: https, or http that stays on this machine; without user, whose place is a setting
 * of its own, and without fragment, which is never sent.
 */
export function isServiceUrl(text: string): boolean {
  if (!isLine(text) || /[\s#\\]/.test(text) || !URL.canParse(text)) return false;
  const { protocol, username, password, hostname } = new URL(text);
  const isReachable = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
  return isReachable && username === '' && password === '';
}

/** A way to reach whoever looks after security (RFC 9116 §2.5.3); written as it is into a file of lines. */
export function isReportingAddress(text: string): boolean {
  return isUrlOf(text, ['mailto:', 'https:', 'tel:']) && !/\s/.test(text);
}

/** An address or CIDR range; `/0` is refused, since believing everybody lets everybody choose their own address. */
export function isProxyRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  const bits = /^[1-9][0-9]{0,2}$/.test(prefix) ? Number(prefix) : 0;
  return bits >= 1 && bits <= (version === 4 ? 32 : 128);
}

/** So many in so much time: `100/15m`. */
export function isQuota(text: string): boolean {
  return /^[1-9][0-9]{0,8}\/(?:[1-9][0-9]{0,5})?[smhd]$/.test(text);
}

/** 32 bytes in base64, canonical and padded, as `openssl rand -base64 32` writes them. */
export function isKey(text: string): boolean {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) return false;
  return Buffer.from(text, 'base64').toString('base64') === text;
}

/** `local@domain` or `Name <local@domain>`; a first check against slips, the mail server has the last word. */
export function isMailbox(text: string): boolean {
  if (!isLine(text)) return false;
  const address = /^(?:[^<>"]+ )?<([^<>]+)>$/.exec(text)?.[1] ?? text;
  return /^[^\s@<>",;:()[\]\\]+@[^\s@<>",;:()[\]\\]+$/.test(address);
}

/**
 * A domain of e-mail addresses in the form that addresses are compared in, after a dot when its subdomains are meant:
 * `example.com`, `.xn--bcher-kva.example`. Another spelling would silently match nothing.
 */
export function isMailDomain(text: string): boolean {
  const domain = text.startsWith('.') ? text.slice(1) : text;
  const isWritten = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$/.test(domain);
  // Node passes an A-label that is no Punycode through unchanged.
  const unicode = domainToUnicode(domain);
  return isWritten && domainToASCII(unicode) === domain && (unicode !== domain || !domain.includes('xn--'));
}
