/** `/login/magic-link`: signs in the browser that requested the link. */
import { z } from 'zod';
import { Problem } from '#kernel/problem.ts';
import { linkPage, linkToken } from '#pages/link-page.ts';
import { loginRedirect } from '#pages/login-step.ts';
import type { CookieChange, Endpoint } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import { findLink, type PressLink, pressLink } from './press-link.ts';

export type LinkPages = PressLink & { readonly catalogues: Catalogues };

export function magicLinkPage(flow: LinkPages): readonly Endpoint[] {
  return linkPage({
    path: '/login/magic-link',
    show: {
      id: 'login.show_magic_link',
      summary: 'The page of the mailed link: asks whether to sign in',
      problems: ['not_enabled'],
    },
    submit: {
      id: 'login.submit_magic_link',
      summary: 'Its form: signs this browser in',
      form: z.strictObject({ token: linkToken }),
      rateLimit: 'credential',
      problems: ['not_enabled', 'email_not_verified'],
    },
    catalogues: flow.catalogues,
    texts: 'page.magic_link',
    read: async (token = '', caller) => {
      const found = await findLink(flow, token, caller.loginCookie);
      return found.kind === 'invalid' ? undefined : found;
    },
    localeOf: ({ link }) => link.locale,
    form: ({ link, say }) => {
      if (link.kind === 'other_browser') throw new Problem('other_browser');
      return { paragraphs: [say('question')] };
    },
    act: async ({ token }, caller) => {
      const { loginCookie: browserSecret, deviceCookie: deviceToken, browserHash } = caller;
      const pressed = { text: token, browserSecret, transport: 'cookie', deviceToken, browserHash } as const;
      return loginRedirect(await pressLink(flow, pressed, caller), [unbound]);
    },
    refusals: { other_browser: 'other_browser' },
  });
}

/** The cookie binds the link to this browser; the link is used, so nothing needs it any more. */
const unbound: CookieChange = { cookie: 'login', change: 'expire' };
