/**
 * Where a form comes from. A page's form carries a token that follows from a cookie of the browser it was shown to, and
 * is accepted only with that cookie (OWASP CSRF Prevention Cheat Sheet, double submit).
 * It stands beside `Sec-Fetch-Site` and `Origin`, for browsers that send neither.
 * Nothing is signed: whoever could plant the cookie could as well fetch a pair that we signed, and what keeps others from
 * planting it is `__Host-`. The hash keeps the cookie's value out of the page.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

const cookiePattern = /^[\w-]{43}$/;

/** The value of a browser's cookie: the one it has, if we can have made it, or a new one. */
export function formCookie(existing: string | undefined): { readonly value: string; readonly isNew: boolean } {
  if (existing !== undefined && cookiePattern.test(existing)) return { value: existing, isNew: false };
  return { value: randomBytes(32).toString('base64url'), isNew: true };
}

/** The token of the forms of a browser. */
export function formTokenFor(cookie: string): string {
  return hash('sha256', `latchkey form ${cookie}`, 'base64url');
}

/** Whether a form was shown to the browser that sends it. */
export function isOwnForm(cookie: string | undefined, token: string | undefined): boolean {
  if (cookie === undefined || token === undefined || !cookiePattern.test(cookie)) return false;
  const [expected, given] = [Buffer.from(formTokenFor(cookie)), Buffer.from(token)];
  return expected.length === given.length && timingSafeEqual(expected, given);
}
