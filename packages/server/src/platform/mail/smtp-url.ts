/** How to reach the SMTP server. */
export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /**
   * `implicit`: TLS from the first byte. `required`: STARTTLS or nothing. `opportunistic`: TLS when offered, without
   * checking who offers it. `none`: plain text.
   */
  readonly tls: 'implicit' | 'required' | 'opportunistic' | 'none';
  readonly auth: { readonly user: string; readonly pass: string } | null;
}

export type SmtpUrlResult =
  | { readonly kind: 'ok'; readonly server: SmtpServer }
  /** A sentence for the operator; it never quotes the URL, which may hold a password. */
  | { readonly kind: 'invalid'; readonly reason: string };

/**
 * Reads SMTP_URL: `smtps://user:pass@host` (port 465, TLS from the start) or `smtp://user:pass@host` (port 587,
 * STARTTLS). An `smtp:` server must offer STARTTLS with a valid certificate (RFC 3207), unless it is on this machine, or
 * `?tls=opportunistic` or `?tls=none` says otherwise aloud: else whoever sits on the way could strip TLS and read
 * links and the password.
 */
export function parseSmtpUrl(text: string): SmtpUrlResult {
  const url = URL.parse(text);
  if (url === null) return invalid('it is not a URL');
  const misshapen = findMisshape(url);
  if (misshapen !== null) return invalid(misshapen);
  const tls = readTls(url);
  if (tls === null) return invalid('tls must be required, opportunistic or none, and smtps: takes none');
  const auth = readAuth(url);
  if (auth === undefined) return invalid('its user or password is not percent-encoded, or one of them is missing');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (tls === 'implicit' ? 465 : 587) : Number(url.port);
  return { kind: 'ok', server: { host, port, tls, auth } };
}

function findMisshape(url: URL): string | null {
  if (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') return 'it must begin with smtp: or smtps:';
  if (url.hostname === '') return 'it names no host';
  if (url.pathname !== '' && url.pathname !== '/') return 'it must have no path';
  if (url.hash !== '') return 'it has a fragment; write # in a password as %23';
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'tls');
  return unknown === undefined ? null : 'its only parameter is tls';
}

function invalid(reason: string): SmtpUrlResult {
  return { kind: 'invalid', reason };
}

function readTls(url: URL): SmtpServer['tls'] | null {
  const given = url.searchParams.get('tls');
  if (url.protocol === 'smtps:') return given === null ? 'implicit' : null;
  if (given === null) return isLoopback(url.hostname) ? 'none' : 'required';
  return given === 'required' || given === 'opportunistic' || given === 'none' ? given : null;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function readAuth(url: URL): SmtpServer['auth'] | undefined {
  if (url.username === '' && url.password === '') return null;
  if (url.username === '' || url.password === '') return undefined;
  try {
    return { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) };
  } catch {
    return undefined;
  }
}
