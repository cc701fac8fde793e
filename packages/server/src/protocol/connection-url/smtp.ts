import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import { isLoopback } from '#protocol/network-address/index.ts';
import { parseServerUrl, type ServerUrl } from './authority.ts';

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

/**
 * Parses SMTP_URL: `smtps://user:pass@host` (port 465, implicit TLS) or `smtp://user:pass@host` (port 587, STARTTLS).
 * An `smtp:` server must offer STARTTLS with a valid certificate (RFC 3207). Otherwise an attacker on the network could
 * strip TLS and read the password and mailed links. Exceptions are a server on loopback, `?tls=opportunistic` and
 * `?tls=none`.
 */
export function parseSmtpUrl(text: string): Parsed<SmtpServer> {
  const url = parseServerUrl(text, ['smtp', 'smtps']);
  if (url.kind === 'invalid') return url;
  const malformed = findMalformed(url.value);
  if (malformed !== undefined) return unparsable(malformed);
  const { host, port, user, password } = url.value;
  const tls = readTls(url.value);
  if (tls === undefined)
    return unparsable('tls must be required, opportunistic or none, and must not be set with smtps:');
  const auth = user === undefined || password === undefined ? null : { user, pass: password };
  return parsed({ host, port: port ?? (tls === 'implicit' ? 465 : 587), tls, auth });
}

function findMalformed({ host, path, user, password, parameters }: ServerUrl): string | undefined {
  if (host === '' || host.startsWith('/')) return 'it has no host';
  if (path !== '' && path !== '/') return 'it must have no path; write / in a password as %2F';
  if ((user === undefined) !== (password === undefined)) return 'it needs both a user and a password, or neither';
  const isUnknown = [...parameters.keys()].some((name) => name !== 'tls');
  return isUnknown ? 'its only parameter can be tls; TLS from the start is smtps:' : undefined;
}

function readTls({ scheme, host, parameters }: ServerUrl): SmtpServer['tls'] | undefined {
  const parameter = parameters.get('tls');
  if (scheme === 'smtps') return parameter === undefined ? 'implicit' : undefined;
  if (parameter === undefined) return host === 'localhost' || isLoopback(host) ? 'none' : 'required';
  return parameter === 'required' || parameter === 'opportunistic' || parameter === 'none' ? parameter : undefined;
}
