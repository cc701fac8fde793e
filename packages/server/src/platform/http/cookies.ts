/** Our cookies: names and flags by the scheme of the public URL (DESIGN §7). */
import { Problem } from '#kernel/problem.ts';
import type { CookieChange, CookieKind } from './endpoint.ts';

/** The values of our cookies by what they are for. */
export type OwnCookies = Readonly<Partial<Record<CookieKind, string>>>;

/** Cookies of one deployment. */
export interface Cookies {
  readonly names: Readonly<Record<CookieKind, string>>;
  /** Our cookies in a `Cookie` header; throws `malformed_request` if one of them stands there twice. */
  read(header: string | undefined): OwnCookies;
  /** A `Set-Cookie` value. */
  write(change: CookieChange): string;
}

const none: OwnCookies = Object.freeze({});

/**
 * `__Host-` (RFC 6265bis §4.1.3.2) keeps sibling subdomains and plain HTTP from setting our cookies.
 * It needs Secure, which browsers do not send to `http://127.0.0.1`, hence the other names there.
 * Cookies of other applications are ignored, also when they repeat: a sibling subdomain could otherwise lock a user out
 * by setting one name twice.
 */
export function cookiesFor(publicUrl: URL): Cookies {
  const secure = publicUrl.protocol === 'https:';
  const names = secure
    ? ({ session: '__Host-latchkey', device: '__Host-latchkey-device', login: '__Host-latchkey-login' } as const)
    : ({ session: 'latchkey_session', device: 'latchkey_device', login: 'latchkey_login' } as const);
  const kinds = new Map<string, CookieKind>([
    [names.session, 'session'],
    [names.device, 'device'],
    [names.login, 'login'],
  ]);
  const flags = `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  return {
    names,
    read: (header) => (header === undefined ? none : readCookies(header, kinds)),
    write: ({ cookie, change }) => {
      if (change === 'expire') return `${names[cookie]}=; ${flags}; Max-Age=0`;
      return `${names[cookie]}=${change.value}; ${flags}; Expires=${change.expiresAt.toUTCString()}`;
    },
  };
}

function readCookies(header: string, kinds: ReadonlyMap<string, CookieKind>): OwnCookies {
  const read: Partial<Record<CookieKind, string>> = {};
  for (let start = 0, end: number; start < header.length; start = end + 1) {
    const semicolon = header.indexOf(';', start);
    end = semicolon < 0 ? header.length : semicolon;
    const equals = header.indexOf('=', start);
    const kind = equals < 0 || equals > end ? undefined : kinds.get(header.slice(start, equals).trim());
    if (kind === undefined) continue;
    if (read[kind] !== undefined) throw new Problem('malformed_request', { log: `cookie ${kind} stands twice` });
    read[kind] = header.slice(equals + 1, end).trim();
  }
  return read;
}
