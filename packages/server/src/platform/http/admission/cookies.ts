/** Our cookies: names and flags by the scheme of the public URL (ARCHITECTURE.md). */
import { Problem } from '#kernel/problem.ts';
import type { ApiResponse, CookieChange, CookieKind } from '../endpoint.ts';
import type { HeaderList } from '../engine/headers.ts';

/** What our cookies are for; `form` is the transport's own and proves where a form comes from (`form-tokens.ts`). */
type OwnCookieKind = CookieKind | 'form';

/** The values of our cookies by what they are for. */
export type OwnCookies = Readonly<Partial<Record<OwnCookieKind, string>>>;

/** Cookies of one deployment. */
export interface Cookies {
  readonly names: Readonly<Record<OwnCookieKind, string>>;
  /** Our cookies in a `Cookie` header; throws `malformed_request` if one of them stands there twice. */
  read(header: string | undefined): OwnCookies;
  /** A `Set-Cookie` value. */
  write(change: CookieChange): string;
  /** A `Set-Cookie` value for the cookie of our forms, which ends with the browser. */
  writeForm(value: string): string;
}

const none: OwnCookies = Object.freeze({});

/**
 * `__Host-` (RFC 6265bis §4.1.3.2) keeps sibling subdomains and plain HTTP from setting our cookies.
 * It needs Secure, which browsers do not send to `http://127.0.0.1`, hence the other names there.
 * Cookies of other applications are ignored, also when they repeat: a sibling subdomain could otherwise lock a user out
 * by setting one name twice.
 * Names are compared to the letter (RFC 6265bis §5.7): `__host-latchkey` is another cookie, that any sibling may set.
 */
export function cookiesFor(publicUrl: URL): Cookies {
  const secure = publicUrl.protocol === 'https:';
  const names = secure
    ? ({
        session: '__Host-latchkey',
        device: '__Host-latchkey-device',
        login: '__Host-latchkey-login',
        form: '__Host-latchkey-form',
      } as const)
    : ({
        session: 'latchkey_session',
        device: 'latchkey_device',
        login: 'latchkey_login',
        form: 'latchkey_form',
      } as const);
  const kinds = new Map<string, OwnCookieKind>([
    [names.session, 'session'],
    [names.device, 'device'],
    [names.login, 'login'],
    [names.form, 'form'],
  ]);
  const flags = `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  return {
    names,
    read: (header) => (header === undefined ? none : readCookies(header, kinds)),
    write: ({ cookie, change }) => {
      if (change === 'expire') return `${names[cookie]}=; ${flags}; Max-Age=0`;
      return `${names[cookie]}=${change.value}; ${flags}; Expires=${change.expiresAt.toUTCString()}`;
    },
    writeForm: (value) => `${names.form}=${value}; ${flags}`,
  };
}

function readCookies(header: string, kinds: ReadonlyMap<string, OwnCookieKind>): OwnCookies {
  const read: Partial<Record<OwnCookieKind, string>> = {};
  for (let start = 0, end: number; start < header.length; start = end + 1) {
    const semicolon = header.indexOf(';', start);
    end = semicolon < 0 ? header.length : semicolon;
    const equals = header.indexOf('=', start);
    const kind = equals < 0 || equals > end ? undefined : kinds.get(withoutBlanks(header.slice(start, equals)));
    if (kind === undefined) continue;
    if (read[kind] !== undefined) throw new Problem('malformed_request', { log: `cookie ${kind} stands twice` });
    read[kind] = withoutBlanks(header.slice(equals + 1, end));
  }
  return read;
}

/**
 * Less the blanks that RFC 9110 §5.6.3 knows, and no others: `trim` would also take a no-break space away, with which a
 * sibling subdomain can set a name that no browser takes for a `__Host-` one.
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

/** An answer's headers with what it changes in the browser. */
export function withCookies(
  { write }: Cookies,
  headers: HeaderList,
  answer: Pick<ApiResponse<unknown>, 'cookies' | 'clearSiteData'>,
): HeaderList {
  if (answer.cookies === undefined && answer.clearSiteData === undefined) return headers;
  const cookies = (answer.cookies ?? []).flatMap((change) => ['set-cookie', write(change)]);
  return [...headers, ...cookies, ...(answer.clearSiteData === true ? ['clear-site-data', '"storage"'] : [])];
}
