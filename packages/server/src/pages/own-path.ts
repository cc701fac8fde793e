/**
 * Paths of ours that a sign-in or a step-up leads to. Such a path comes from an address or a form, so it is validated each
 * time that it is used: a path that a browser resolves to another host or to another page than it spells is refused.
 */

export type OwnPath = `/${string}`;

export const loginPath = '/login';
export const emailCodePath = '/login/email-code';
export const choosePath = '/login/choose';
export const logoutPath = '/logout';
export const signedOutPath = '/signed-out';
export const forgotPasswordPath = '/forgot-password';
export const stepUpPath = '/step-up';
/** The page that links an identity, which waits in this browser, to the account that signed in. */
export const loginLinkPath = '/login/link';
export const accountPath = '/account';
export const profilePath = '/account/profile';
export const securityPath = '/account/security';
export const sessionsPath = '/account/sessions';
export const connectionsPath = '/account/connections';
export const dataPath = '/account/data';

const maxLength = 500;

/**
 * The pages that can be the end of a sign-in. Pages behind mailed links are not, since their addresses contain secrets; the
 * API is not, since one of its GETs changes state; and the sign-out page is not, since it would undo the sign-in.
 */
const destinations = /^\/(?:account(?:\/[\w/-]*)?|step-up|login\/link)?$/;

/** Has a host of its own, so that a path that leads to another one is seen. */
const base = 'http://own.invalid';

/** Returns the path if it is a page of ours that a sign-in may lead to, and is spelled as browsers send it. */
export function toOwnPath(text: string): OwnPath | undefined {
  if (text.length > maxLength || !text.startsWith('/') || !URL.canParse(text, base)) return undefined;
  const { origin, pathname, search, href } = new URL(text, base);
  if (origin !== base || href !== base + text || pathname + search !== text) return undefined;
  return destinations.test(pathname) ? (text as OwnPath) : undefined;
}

/** A page with the address that it leads back to. */
export function withContinue(path: OwnPath, continueTo: string | undefined): OwnPath {
  return continueTo === undefined ? path : `${path}?continue=${encodeURIComponent(continueTo)}`;
}

/** The path of the page that proves what a request lacks, and leads back to where it was sent. */
export function proofPath(needed: 'session' | 'step_up', back: string): OwnPath {
  return withContinue(needed === 'session' ? loginPath : stepUpPath, toOwnPath(back));
}
