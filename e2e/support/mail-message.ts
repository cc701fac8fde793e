/** Parses a raw message (RFC 5322, RFC 2045) as far as the product's own mails need. */

/** A received message. */
export type MailMessage = {
  readonly messageId: string;
  /** The decoded text parts, joined. */
  readonly text: string;
  /** Every URL of the text in order, without duplicates. */
  readonly links: readonly string[];
};

type Part = { readonly headers: ReadonlyMap<string, string>; readonly body: string };

/** @throws Error without a Message-ID, because duplicates could not be recognized. */
export function readMessage(raw: string): MailMessage {
  const part = splitPart(raw);
  const messageId = part.headers.get('message-id');
  if (messageId === undefined) throw new Error('a message without Message-ID');
  const text = textOf(part);
  const links = [...text.matchAll(/https?:\/\/[^\s"'<>]+/g)].map(([link]) => link.replaceAll('&amp;', '&'));
  return { messageId, text, links: [...new Set(links)] };
}

function splitPart(raw: string): Part {
  const end = raw.indexOf('\r\n\r\n');
  const lines = raw
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const headers = new Map(lines.map(readHeader));
  return { headers, body: raw.slice(end + 4) };
}

function readHeader(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

function textOf(part: Part): string {
  const type = part.headers.get('content-type') ?? 'text/plain';
  const boundary = /boundary="?([^";]+)"?/.exec(type)?.[1];
  if (boundary === undefined) return decode(part);
  const inner = `\r\n${part.body}`.split(`\r\n--${boundary}`).slice(1, -1);
  return inner.map((raw) => textOf(splitPart(raw.replace(/^\r\n/, '')))).join('\n');
}

function decode({ headers, body }: Part): string {
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase();
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  return encoding === 'quoted-printable' ? decodeQuotedPrintable(body) : body;
}

/** Quoted-printable (RFC 2045 §6.7). */
function decodeQuotedPrintable(body: string): string {
  const octets = body
    .replace(/=[ \t]*\r\n/g, '')
    .replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(octets, 'latin1').toString('utf8');
}
