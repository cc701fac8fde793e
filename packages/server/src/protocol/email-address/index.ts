/**
 * E-mail addresses as identifiers: which spellings are accepted, and which of them are the same address.
 * Owns no table; `identifiers.canonical` holds what this module computes.
 * Invariants: the canonical form is ASCII, at most 254 bytes, and its own canonical form; no two mailboxes of different
 * domains share one; the local part is compared without regard to case and nothing else of it is folded, because only
 * its own host may give dots or a plus sign a meaning (RFC 5321 §2.3.11).
 */
import { domainToASCII, domainToUnicode } from 'node:url';

/** Why a text is no address here; each is a stable code that a form may translate. */
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
  /** What the person wrote, to show it back. */
  readonly asTyped: string;
  /** What is compared, stored as unique, and written to. */
  readonly canonical: string;
};

export type EmailAddressResult =
  | { readonly kind: 'ok'; readonly address: EmailAddress }
  | { readonly kind: 'invalid'; readonly reason: EmailAddressProblem };

/** RFC 5321 §4.5.3.1.3 allows a path of 256 bytes, of which the angle brackets take two. */
const maxAddressBytes = 254;
/** RFC 5321 §4.5.3.1.1. */
const maxLocalPartBytes = 64;

/** RFC 5321 §4.1.2 `Atom`, with the dots that join atoms: no specials, so no quotes, comments, lists or routes. */
const localPartCharacters = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]*$/;

/**
 * Domain characters worth handing to UTS 46.
 * `domainToASCII` is a URL's host parser: it would decode `%61`, drop a tab and cut at `/`, `\`, `?` or `#`, so that
 * `victim.example/x` became `victim.example`. Of ASCII, therefore, only letters, digits, hyphen and dot reach it.
 * Control, format, private, unassigned and space characters are refused although UTS 46 would drop some: an address
 * that looks like another is of no use to anybody honest. The two joiners stay, since some scripts need them.
 */
const domainCharacters = /^(?:[A-Za-z0-9.-]|[\u200c\u200d]|(?![\p{C}\p{Z}])\P{ASCII})*$/u;

/** RFC 1035 §2.3.1 with RFC 1123 §2.1: letters, digits and inner hyphens, at most 63. */
const domainLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** A last label that a URL parser reads as a number (WHATWG URL, "ends in a number") can only be an address. */
const numericLabel = /^(?:[0-9]+|0x[0-9a-f]*)$/;

/**
 * Reads one address, strictly: nothing is trimmed, guessed or repaired.
 *
 * @param input as typed; any length, the work is bounded by the length limit.
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
 * A canonical address as people write it, with U-labels (RFC 5890 §2.3.2.1): to compare texts with, never to store or to
 * send to, since what it shows may look like another.
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
  // Seen before the conversion, which rewrites `0x7f.1` to 127.0.0.1 and answers nothing for `a.0x7f`.
  if (numericLabel.test(lastLabel(domain.toLowerCase()))) return invalid('domain_is_ip_address');

  const ascii = domainToASCII(domain);
  // Seen again after it, because full-width digits only become digits there.
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
 * Whether each A-label is the one that its own U-label gives (RFC 5890 §2.3.2.1).
 * Node passes an all-ASCII host through unchecked: `xn--a.com` is no Punycode and still comes back as it went in.
 */
function isFixedPoint(ascii: string, labels: readonly string[]): boolean {
  if (!labels.some((label) => label.startsWith('xn--'))) return true;
  const unicode = domainToUnicode(ascii);
  return unicode !== ascii && domainToASCII(unicode) === ascii;
}
