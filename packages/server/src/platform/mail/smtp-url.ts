export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /**
   * `implicit`: TLS from the first byte. `required`: STARTTLS with a valid certificate. `opportunistic`: STARTTLS if
   * offered, without checking the certificate. `none`: plain text.
   */
  readonly tls: 'implicit' | 'required' | 'opportunistic' | 'none';
  readonly auth: { readonly user: string; readonly pass: string } | null;
}

export type SmtpUrlResult =
  | { readonly kind: 'ok'; readonly server: SmtpServer }
  /** For the operator: completes "SMTP_URL cannot be used: …". It never quotes the URL, which may contain a password. */
  | { readonly kind: 'invalid'; readonly reason: string };

/**
 * Parses SMTP_URL: `smtps://user:pass@host` (port 465, implicit TLS) or `smtp://user:pass@host` (port 587, STARTTLS).
 * An `smtp:` server must offer STARTTLS with a valid certificate (RFC 3207). Otherwise an attacker on the network could
 * strip TLS and read the password and mailed links. Exceptions are a server on loopback, `?tls=opportunistic` and
 * `?tls=none`.
 */
export function parseSmtpUrl(text: string): SmtpUrlResult {
  const url = URL.parse(text);
  if (url === null) return invalid('it is not a URL');
  const malformed = findMalformed(url);
  if (malformed !== null) return invalid(malformed);
  const tls = readTls(url);
  if (tls === null) return invalid('tls must be required, opportunistic or none, and must not be set with smtps:');
  const auth = readAuth(url);
  if (auth === undefined) return invalid('its user or password is missing or not percent-encoded');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (tls === 'implicit' ? 465 : 587) : Number(url.port);
  return { kind: 'ok', server: { host, port, tls, auth } };
}

function findMalformed(url: URL): string | null {
  if (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') return 'it must begin with smtp: or smtps:';
  if (url.hostname === '') return 'it has no host';
  if (url.pathname !== '' && url.pathname !== '/') return 'it must have no path';
  if (url.hash !== '') return 'it has a fragment; write # in a password as %23';
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'tls');
  return unknown === undefined ? null : 'its only parameter can be tls';
}

function invalid(reason: string): SmtpUrlResult {
  return { kind: 'invalid', reason };
}

function readTls(url: URL): SmtpServer['tls'] | null {
  const parameter = url.searchParams.get('tls');
  if (url.protocol === 'smtps:') return parameter === null ? 'implicit' : null;
  if (parameter === null) return isLoopback(url.hostname) ? 'none' : 'required';
  return parameter === 'required' || parameter === 'opportunistic' || parameter === 'none' ? parameter : null;
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
