/** Messages as sent by SMTP, and the parts that a mail client reads. */
import { statement } from '#platform/database/index.ts';
import { type Inbox, type MailTransport, Smtp } from '#platform/mail/index.ts';
import { parseSmtpUrl } from '#protocol/connection-url/index.ts';
import type { Application } from './application.ts';
import { awaitMailRequests } from './mail-requests.ts';
import { parsedValue } from './parsed.ts';
import { type ReceivedMail, startSmtpServer, type TestSmtpServer } from './smtp.ts';
import { eventually } from './wait.ts';

/** An SMTP server that receives every message before the inbox shows it. */
export async function startMailSink(): Promise<{
  readonly server: TestSmtpServer;
  readonly transport: (inbox: Inbox) => MailTransport;
}> {
  const server = await startSmtpServer();
  const smtp = new Smtp({ server: parsedValue(parseSmtpUrl(server.url)) });
  const transport = (inbox: Inbox): MailTransport => ({
    send: async (message, signal) => {
      const outcome = await smtp.send(message, signal);
      if (outcome.kind === 'accepted') await inbox.send(message);
      return outcome;
    },
    unavailableForSeconds: () => 0,
    close: () => smtp.close(),
  });
  return { server, transport };
}

const countWaiting = statement('test_raw_mail.count_waiting', {
  lane: 'pool',
  sql: `select count(*)::int4 as waiting from mail_ledger where state = 'queued'`,
  params: {},
  columns: { waiting: 'int4' },
});

/** Waits until no mail is queued. */
export async function allMailSent(app: Application): Promise<boolean> {
  await awaitMailRequests(app);
  const isSent = async () => (await app.services.database.row(countWaiting, {}))?.waiting === 0;
  return eventually(isSent, { what: 'every mail is sent', timeoutMs: 30_000 });
}

type Headers = readonly (readonly [name: string, value: string])[];

export interface ReadMail {
  /** The recipients of the envelope. */
  readonly to: readonly string[];
  /** Unfolded and in order; names in lower case, values decoded (RFC 2047). */
  readonly headers: Headers;
  readonly text: string;
  readonly html: string;
}

/** Parses a message with a text and an HTML part (RFC 2045, RFC 2046 §5.1.4). */
export function readMail({ raw, to }: ReceivedMail): ReadMail {
  const message = splitPart(raw);
  const boundary = /boundary="?([^";]+)"?/.exec(headerOf(message.headers, 'content-type'))?.[1] ?? '';
  const between = message.body.split(`--${boundary}`).slice(1, -1);
  const parts = between.map((part) => splitPart(part.replace(/^\r\n/, '')));
  const contentOf = (type: string) =>
    parts.filter(({ headers }) => headerOf(headers, 'content-type').startsWith(type)).map(decodeBody);
  const [text, ...moreTexts] = contentOf('text/plain');
  const [html, ...moreHtmls] = contentOf('text/html');
  if (text === undefined || html === undefined || moreTexts.length + moreHtmls.length > 0 || parts.length !== 2) {
    throw new Error(`expected a text and an HTML part: ${raw}`);
  }
  return { to, headers: message.headers, text, html };
}

interface Part {
  readonly headers: Headers;
  readonly body: string;
}

function splitPart(raw: string): Part {
  const end = raw.indexOf('\r\n\r\n');
  const lines = raw
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), decodeWords(line.slice(colon + 1).trim())];
  });
  return { headers, body: raw.slice(end + 4) };
}

/** Returns the value of a header; throws unless there is exactly one. */
export function headerOf(headers: Headers, wanted: string): string {
  const values = headers.filter(([name]) => name === wanted).map(([, value]) => value);
  if (values.length !== 1) throw new Error(`found ${values.length} headers named ${wanted}`);
  return values[0] ?? '';
}

/** Decodes encoded words; white space between adjacent ones is dropped (RFC 2047 §2). */
function decodeWords(value: string): string {
  const joined = value.replace(/\?=\s+=\?/g, '?==?');
  return joined.replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, encoding: string, text: string) =>
    encoding.toLowerCase() === 'b'
      ? Buffer.from(text, 'base64').toString('utf8')
      : decodeQuoted(text.replaceAll('_', ' ')),
  );
}

function decodeBody({ headers, body }: Part): string {
  const encoding = headers.find(([name]) => name === 'content-transfer-encoding')?.[1];
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  return encoding === 'quoted-printable' ? decodeQuoted(body.replace(/=\r\n/g, '')) : body;
}

function decodeQuoted(text: string): string {
  const bytes = text.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Every http and https URL in a text, up to white space, a quote or a bracket. */
export function urlsIn(text: string): readonly string[] {
  return text.match(/\bhttps?:[^\s"'<>\\)]*/gi) ?? [];
}
