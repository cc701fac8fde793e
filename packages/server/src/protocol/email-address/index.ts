/**
 * Email addresses as identifiers: validation, and the canonical form by which `identifiers.canonical` compares them
 * (invariant 12).
 * Invariants: the canonical form is ASCII, at most 254 bytes, and its own canonical form; addresses of different domains
 * have different canonical forms; the local part is lowercased and otherwise unchanged, because only the receiving host
 * may interpret dots or a plus sign (RFC 5321 §2.3.11).
 * Example: `Ada.L+x@MÜNCHEN.de` → `ada.l+x@xn--mnchen-3ya.de`.
 */
import { domainToASCII, domainToUnicode } from 'node:url';

/** The reason why an address is rejected. Codes are stable; forms translate them. */
export type EmailAddressProblem =
  | 'empty'
  | 'too_long'
  | 'not_one_at_sign'
  | 'local_part_empty'
  | 'local_part_too_long'
  | 'local_part_forbidden_character'
  | 'local_part_misplaced_dot'
  | 'domain_empty'
  | 'domain_forbidden_character'
  | 'domain_is_ip_address'
  | 'domain_single_label'
  | 'domain_malformed';

export type EmailAddress = {
  /** The input, for display. */
  readonly asTyped: string;
  /** The form that is compared, stored as unique, and used as the recipient of mail. */
  readonly canonical: string;
};

export type EmailAddressResult =
  | { readonly kind: 'ok'; readonly address: EmailAddress }
  | { readonly kind: 'invalid'; readonly reason: EmailAddressProblem };

/** RFC 5321 §4.5.3.1.3 limits a path to 256 bytes, two of which are the angle brackets. */
const maxAddressBytes = 254;
/** RFC 5321 §4.5.3.1.1. */
const maxLocalPartBytes = 64;

/** RFC 5321 §4.1.2 `Dot-string`: no specials, so no quoted strings, comments, lists or source routes. */
const localPartCharacters = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]*$/;

/**
 * Characters that may reach `domainToASCII`.
 * That function is the URL host parser: it decodes `%61`, drops tabs, and cuts at `/`, `\`, `?` and `#`, so it would turn
 * `victim.example/x` into `victim.example`. Of ASCII, therefore, only letters, digits, hyphen and dot pass.
 * Control, format, private-use, unassigned and space characters are rejected, although UTS 46 drops some of them, because
 * they make addresses that look alike. U+200C and U+200D pass because some scripts need them.
 */
const domainCharacters = /^(?:[A-Za-z0-9.-]|[\u200c\u200d]|(?![\p{C}\p{Z}])\P{ASCII})*$/u;

/** RFC 1035 §2.3.1 and RFC 1123 §2.1: at most 63 letters, digits and inner hyphens. */
const domainLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** The WHATWG URL parser treats a host as an IPv4 address when its last label is a number ("ends in a number checker"). */
const numericLabel = /^(?:[0-9]+|0x[0-9a-f]*)$/;

/**
 * Parses one address without trimming or repairing it.
 *
 * @param input any text; longer than 254 bytes is rejected before further work.
 */
export function parseEmailAddress(input: string): EmailAddressResult {
  if (input === '') return invalid('empty');
  if (Buffer.byteLength(input) > maxAddressBytes) return invalid('too_long');
  const at = input.indexOf('@');
  if (at === -1 || at !== input.lastIndexOf('@')) return invalid('not_one_at_sign');

  const localPart = input.slice(0, at);
  const localPartProblem = checkLocalPart(localPart);
  if (localPartProblem !== null) return invalid(localPartProblem);

  const domain = canonicalDomain(input.slice(at + 1));
  if (domain.kind === 'invalid') return domain;

  const canonical = `${localPart.toLowerCase()}@${domain.ascii}`;
  if (canonical.length > maxAddressBytes) return invalid('too_long');
  return { kind: 'ok', address: { asTyped: input, canonical } };
}

/**
 * The canonical address with U-labels (RFC 5890 §2.3.2.1) in its domain, for comparisons with typed text, such as a
 * password that contains the address. Never store it or send to it: it may look like another address.
 */
export function withUnicodeDomain(canonical: string): string {
  const domainAt = canonical.lastIndexOf('@') + 1;
  return canonical.slice(0, domainAt) + domainToUnicode(canonical.slice(domainAt));
}

function invalid(reason: EmailAddressProblem): { kind: 'invalid'; reason: EmailAddressProblem } {
  return { kind: 'invalid', reason };
}

function checkLocalPart(localPart: string): EmailAddressProblem | null {
  if (localPart === '') return 'local_part_empty';
  if (!localPartCharacters.test(localPart)) return 'local_part_forbidden_character';
  if (localPart.length > maxLocalPartBytes) return 'local_part_too_long';
  if (localPart.startsWith('.') || localPart.endsWith('.') || localPart.includes('..')) {
    return 'local_part_misplaced_dot';
  }
  return null;
}

type DomainResult = { kind: 'ok'; ascii: string } | { kind: 'invalid'; reason: EmailAddressProblem };

function canonicalDomain(domain: string): DomainResult {
  if (domain === '') return invalid('domain_empty');
  if (domain.startsWith('[')) return invalid('domain_is_ip_address');
  if (!domainCharacters.test(domain)) return invalid('domain_forbidden_character');
  // Checked before the conversion, which rewrites `0x7f.1` to 127.0.0.1 and returns '' for `a.0x7f`.
  if (numericLabel.test(lastLabel(domain.toLowerCase()))) return invalid('domain_is_ip_address');

  const ascii = domainToASCII(domain);
  // Checked again after it, because the conversion maps full-width digits to ASCII digits.
  if (numericLabel.test(lastLabel(ascii)) && ascii !== '') return invalid('domain_is_ip_address');
  const labels = ascii.split('.');
  if (!labels.every((label) => domainLabel.test(label))) return invalid('domain_malformed');
  if (labels.length < 2) return invalid('domain_single_label');
  if (!isFixedPoint(ascii, labels)) return invalid('domain_malformed');
  return { kind: 'ok', ascii };
}

function lastLabel(domain: string): string {
  return domain.slice(domain.lastIndexOf('.') + 1);
}

/**
 * Whether each A-label is the encoding of its own U-label (RFC 5890 §2.3.2.1).
 * Node returns an all-ASCII host unchecked: `domainToASCII('xn--a.com')` is `xn--a.com`, although that is not Punycode.
 */
function isFixedPoint(ascii: string, labels: readonly string[]): boolean {
  if (!labels.some((label) => label.startsWith('xn--'))) return true;
  const unicode = domainToUnicode(ascii);
  return unicode !== ascii && domainToASCII(unicode) === ascii;
}
