/**
 * The sender of emails (RFC 5322 §3.4 `mailbox`): an address, or a display name with an address in angle brackets.
 * Invariants: one mailbox, never a list; the domain is ASCII (A-labels), so that every mail server accepts it without
 * SMTPUTF8; neither part can end a header line.
 */

import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import { withoutTrailing } from '#kernel/without-trailing.ts';
import { parseEmailAddress } from '#protocol/email-address/index.ts';

export interface Mailbox {
  /** Empty when there is none. */
  readonly name: string;
  readonly address: string;
}

/** Spaces after the name belong to it here: an expression for them beside one for the name would take quadratic time. */
const form = /^(?:(?<name>"(?:[^"\\]|\\.)*" *|[^<>"]*)<(?<inBrackets>[^<>]*)>|(?<bare>[^<>]*))$/u;
const unusableInName = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

/** Parses `Acme <no-reply@acme.example>`, `"Doe, Jane" <jane@acme.example>` or an address. */
export function parseMailbox(text: string): Parsed<Mailbox> {
  const { name: written = '', inBrackets, bare } = form.exec(text)?.groups ?? {};
  const typed = inBrackets ?? bare;
  if (typed === undefined) return unparsable('write a name with quotation marks or angle brackets as "Name" <address>');
  const display = withoutTrailing(written, ' ');
  const name = display.startsWith('"') ? display.slice(1, -1).replace(/\\(.)/gu, '$1') : display;
  if (unusableInName.test(name)) return unparsable('its name contains a control character');
  const address = asciiAddress(typed);
  return address === undefined ? unparsable('its address is not valid') : parsed({ name, address });
}

export function formatMailbox({ name, address }: Mailbox): string {
  if (name === '') return address;
  const isPlain = /^[^<>"\\]*[^<>"\\ ]$/.test(name);
  return `${isPlain ? name : `"${name.replace(/["\\]/g, '\\$&')}"`} <${address}>`;
}

/** The address with its domain as A-labels and the local part as it is: only its own host may change that. */
function asciiAddress(typed: string): string | undefined {
  const result = parseEmailAddress(typed);
  const at = typed.indexOf('@');
  const localPart = typed.slice(0, at);
  if (result.kind === 'ok') return `${localPart}${result.address.canonical.slice(at)}`;
  const domain = typed.slice(at + 1).toLowerCase();
  // A host without a dot, such as localhost, sends emails of a development server.
  const isLocal = result.reason === 'domain_single_label' && /^[a-z0-9-]+$/.test(domain);
  return isLocal ? `${localPart}@${domain}` : undefined;
}
