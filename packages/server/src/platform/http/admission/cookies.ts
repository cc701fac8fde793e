/** Our cookies: names and flags follow the scheme of the public URL (docs/security/browsers.md). */
import { Problem } from '#kernel/problem.ts';
import type { ApiResponse, CookieChange, CookieKind } from '../endpoint.ts';
import type { Headers } from '../engine/headers.ts';

/** `form` is set by this module alone and proves the origin of a form (`form-tokens.ts`). */
type OwnCookieKind = CookieKind | 'form';

export type OwnCookies = Readonly<Partial<Record<OwnCookieKind, string>>>;

/** Cookies of one deployment. */
export interface Cookies {
  readonly names: Readonly<Record<OwnCookieKind, string>>;
  /**
   * Our cookies in a `Cookie` header; throws `malformed_request` if one of them is repeated. Two session cookies of a shared
   * domain count as none, because every subdomain can set one.
   */
  read(header: string | undefined): OwnCookies;
  /** The `Set-Cookie` values of a change. */
  write(change: CookieChange): readonly string[];
  /** A `Set-Cookie` value of the form cookie, which the browser deletes when it ends. */
  writeForm(value: string): string;
}

const none: OwnCookies = Object.freeze({});

/**
 * `__Host-` (RFC 6265bis §4.1.3.2) keeps sibling subdomains and plain HTTP from setting our cookies.
 * The prefix requires Secure, which browsers do not accept for `http://127.0.0.1`, hence the other names there.
 * Cookies of other applications are ignored, also repeated ones: otherwise a sibling subdomain could lock a user out by
 * setting one name twice.
 * Names are compared exactly (RFC 6265bis §5.7): `__host-latchkey` is another cookie, which any sibling may set.
 *
 * @param domain shares the session cookie, and no other, with its subdomains; `__Host-` forbids a `Domain`.
 */
export function cookiesFor(publicUrl: URL, domain?: string): Cookies {
  const secure = publicUrl.protocol === 'https:';
  const names = secure
    ? ({
        session: domain === undefined ? ownSessionName : '__Secure-latchkey',
        device: '__Host-latchkey-device',
        login: '__Host-latchkey-login',
        ticket: '__Host-latchkey-ticket',
        language: '__Host-latchkey-lang',
        form: '__Host-latchkey-form',
      } as const)
    : ({
        session: 'latchkey_session',
        device: 'latchkey_device',
        login: 'latchkey_login',
        ticket: 'latchkey_ticket',
        language: 'latchkey_lang',
        form: 'latchkey_form',
      } as const);
  const kinds = new Map<string, OwnCookieKind>([
    [names.session, 'session'],
    [names.device, 'device'],
    [names.login, 'login'],
    [names.ticket, 'ticket'],
    [names.language, 'language'],
    [names.form, 'form'],
  ]);
  const flags = `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  const line = (kind: CookieKind, value: string, lifetime: string) => {
    const shared = kind === 'session' && domain !== undefined ? `Domain=${domain}; ` : '';
    return `${names[kind]}=${value}; ${shared}${flags}; ${lifetime}`;
  };
  return {
    names,
    read: (header) => (header === undefined ? none : readCookies(header, kinds, domain !== undefined)),
    write: ({ cookie, change }) => {
      const written =
        change === 'expire'
          ? line(cookie, '', 'Max-Age=0')
          : line(cookie, change.value, `Expires=${change.expiresAt.toUTCString()}`);
      // The name from before the domain was configured.
      if (cookie !== 'session' || domain === undefined) return [written];
      return [written, `${ownSessionName}=; ${flags}; Max-Age=0`];
    },
    writeForm: (value) => `${names.form}=${value}; ${flags}`,
  };
}

const ownSessionName = '__Host-latchkey';

function readCookies(header: string, kinds: ReadonlyMap<string, OwnCookieKind>, isShared: boolean): OwnCookies {
  const read: Partial<Record<OwnCookieKind, string>> = {};
  let sessions = 0;
  for (let start = 0, end: number; start < header.length; start = end + 1) {
    const semicolon = header.indexOf(';', start);
    end = semicolon < 0 ? header.length : semicolon;
    const equals = header.indexOf('=', start);
    const kind = equals < 0 || equals > end ? undefined : kinds.get(withoutBlanks(header.slice(start, equals)));
    if (kind === undefined) continue;
    if (kind === 'session' && isShared) sessions += 1;
    else if (read[kind] !== undefined) throw new Problem('malformed_request', { log: `cookie ${kind} is repeated` });
    read[kind] = withoutBlanks(header.slice(equals + 1, end));
  }
  if (sessions > 1) delete read.session;
  return read;
}

/**
 * Removes the blanks of RFC 9110 §5.6.3 and no others. `trim` would also remove a no-break space, with which a sibling
 * subdomain can set a name that browsers do not treat as a `__Host-` one.
 */
function withoutBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** A response's headers with the cookies that it changes. */
export function withCookies(
  { write }: Cookies,
  headers: Headers,
  { cookies = [] }: Pick<ApiResponse<unknown>, 'cookies'>,
): Headers {
  return cookies.length === 0 ? headers : { ...headers, 'set-cookie': cookies.flatMap(write) };
}
