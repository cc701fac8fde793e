/** `/login/magic-link`: signs in the browser that requested the link. */
import { z } from 'zod';
import { Problem } from '#kernel/problem.ts';
import { button, field, hiddenField, postForm } from '#pages/form.ts';
import { linkPage, linkToken } from '#pages/link-page.ts';
import { type LeadsOn, leadOn } from '#pages/login-step.ts';
import { loginPath } from '#pages/own-path.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { Endpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { findLink, type PressLink, pressLink } from './press-link.ts';

export type LinkPages = PressLink & LeadsOn & { readonly catalogues: Catalogues };

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
    act: async ({ token }, caller, { words }) => {
      const { loginCookie: browserSecret, deviceCookie: deviceToken, browserHash } = caller;
      const pressed = { text: token, browserSecret, transport: 'cookie', deviceToken, browserHash } as const;
      return leadOn(flow, words, await pressLink(flow, pressed, caller));
    },
    refusals: { other_browser: 'other_browser' },
    renewal: newLink,
  });
}

/** The form for a link that works in this browser. */
function newLink(words: PageWords): Html {
  const { say } = words;
  const form = html`${hiddenField('act', 'magic_link')}
${field({ name: 'email', label: say('page.email.label'), type: 'email', autocomplete: 'username', isVerbatim: true })}
${button({ label: say('page.magic_link.new_link') })}`;
  return postForm(loginPath, form);
}
