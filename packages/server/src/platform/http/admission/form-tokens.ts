/**
 * CSRF tokens of forms. A form carries a hash of a cookie of the browser that it was shown to, and is accepted only with
 * that cookie (OWASP CSRF Prevention Cheat Sheet, double submit). This covers browsers that send neither `Sec-Fetch-Site`
 * nor `Origin`.
 * Nothing is signed: an attacker who can set the cookie could also fetch a signed pair, and `__Host-` keeps other sites
 * from setting it. The hash keeps the cookie's value out of the page.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

const cookiePattern = /^[\w-]{43}$/;

/** The form cookie of a browser: its own if the format is ours, else a new one. */
export function formCookie(existing: string | undefined): { readonly value: string; readonly isNew: boolean } {
  if (existing !== undefined && cookiePattern.test(existing)) return { value: existing, isNew: false };
  return { value: randomBytes(32).toString('base64url'), isNew: true };
}

/** The token of the forms of a browser. */
export function formTokenFor(cookie: string): string {
  return hash('sha256', `latchkey form ${cookie}`, 'base64url');
}

/** Identifies the browser that has this cookie, without revealing the cookie; undefined for one that is not ours. */
export function browserHashOf(cookie: string | undefined): Buffer | undefined {
  if (cookie === undefined || !cookiePattern.test(cookie)) return undefined;
  return hash('sha256', `latchkey browser ${cookie}`, 'buffer');
}

/** Whether a form was shown to the browser that sends it. */
export function isOwnForm(cookie: string | undefined, token: string | undefined): boolean {
  if (cookie === undefined || token === undefined || !cookiePattern.test(cookie)) return false;
  const [expected, given] = [Buffer.from(formTokenFor(cookie)), Buffer.from(token)];
  return expected.length === given.length && timingSafeEqual(expected, given);
}
