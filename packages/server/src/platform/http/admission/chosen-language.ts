/**
 * The language that a reader chose for pages: `ui_locales` in the address (OpenID Connect Core §3.1.2.1), or else the cookie that
 * an earlier choice left. It precedes the languages of the browser.
 */
import type { FastifyRequest } from 'fastify';
import type { CookieChange } from '../endpoint.ts';
import { queryOf } from './input.ts';

/** Returns the first of these tags that pages have, in the spelling of its catalogue. */
export type KnownLanguage = (tags: readonly string[]) => string | undefined;

export interface ChosenLanguage {
  readonly language: string;
  /** The address names it, so the cookie is to be set. */
  readonly isNew: boolean;
}

const maxTags = 10;
const yearMs = 365 * 24 * 60 * 60 * 1000;

/** Never throws: a problem has a page too. Of a repeated parameter the first one counts. */
export function chosenLanguage(
  request: FastifyRequest,
  cookie: string | undefined,
  known: KnownLanguage,
): ChosenLanguage | undefined {
  const asked = /(?:^|&)ui_locales=((?:[A-Za-z0-9+-]|%20){1,200})(?:&|$)/.exec(queryOf(request))?.[1];
  const language = asked === undefined ? undefined : known(asked.split(/\+|%20/).slice(0, maxTags));
  if (language !== undefined) return { language, isNew: true };
  const kept = cookie === undefined ? undefined : known([cookie]);
  return kept === undefined ? undefined : { language: kept, isNew: false };
}

/** The cookie that keeps the choice. */
export function languageCookie(language: string, now: Date): CookieChange {
  return { cookie: 'language', change: { value: language, expiresAt: new Date(now.getTime() + yearMs) } };
}
