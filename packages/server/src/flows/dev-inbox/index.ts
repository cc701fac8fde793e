/**
 * The development inbox, which replaces the SMTP server. Owns `/dev/inbox`, `/dev/inbox/mail` and `/dev/inbox/messages`; no
 * tables.
 *
 * Invariants:
 * - The routes exist only outside production and without an SMTP server, and respond only to loopback clients, because the
 *   messages contain login links.
 * - The HTML of a mail is a document of its own that loads and runs nothing; the page shows it in a sandboxed frame.
 */
import { z } from 'zod';
import { Problem } from '#kernel/problem.ts';
import { button, facts, field } from '#pages/form.ts';
import { framedMail } from '#pages/framed-mail.ts';
import { widePage } from '#pages/page.ts';
import { type Html, html } from '#platform/html/index.ts';
import { documentEndpoint, type Endpoint, pageEndpoint } from '#platform/http/index.ts';
import { type Catalogues, type PageWords, pageWords } from '#platform/i18n/index.ts';
import type { Inbox, InboxMessage } from '#platform/mail/index.ts';

const path = '/dev/inbox';
const maxShown = 50;

const development = { rateLimit: 'none', loopbackOnly: true, problems: [] } as const;

/** The pages are in English, like the reference. */
export function devInboxEndpoints(inbox: Inbox, catalogues: Catalogues): readonly Endpoint[] {
  return [
    pageEndpoint({
      ...development,
      method: 'GET',
      id: 'dev.inbox',
      path,
      summary: 'Development, operator’s listener: the inbox of sent mails, newest first; `?mail=` opens one',
      auth: { principals: ['public'] },
      framesMail: true,
      request: { query: z.strictObject({ to: z.string().max(254).optional(), mail: z.string().max(400).optional() }) },
      handler: async ({ query }) => {
        const { to = '', mail } = query;
        const messages = inbox.list(to === '' ? undefined : to);
        const opened = messages.find(({ messageId }) => messageId === mail);
        return { kind: 'html', status: 200, html: inboxPage(pageWords(catalogues, 'en'), { to, messages, opened }) };
      },
    }),
    documentEndpoint({
      ...development,
      method: 'GET',
      id: 'dev.inbox_mail',
      path: `${path}/mail`,
      summary: 'Development, operator’s listener: the HTML of one mail of the inbox',
      contentType: 'text/html; charset=utf-8',
      openToCors: false,
      cacheSeconds: 0,
      isMail: true,
      problems: ['not_found'],
      handler: ({ mail }) => {
        const opened = inbox.list().find(({ messageId }) => messageId === mail);
        if (opened === undefined) throw new Problem('not_found');
        return { status: 200, body: opened.html };
      },
    }),
    documentEndpoint({
      ...development,
      method: 'GET',
      id: 'dev.inbox_messages',
      path: `${path}/messages`,
      summary: 'Development, operator’s listener: the inbox as JSON; `?to=` selects one recipient',
      contentType: 'application/json; charset=utf-8',
      openToCors: false,
      cacheSeconds: 0,
      handler: async (query) => ({ status: 200, body: JSON.stringify(inbox.list(query.to)) }),
    }),
  ];
}

interface Shown {
  /** Empty for every recipient. */
  readonly to: string;
  readonly messages: readonly InboxMessage[];
  readonly opened: InboxMessage | undefined;
}

function inboxPage(words: PageWords, { to, messages, opened }: Shown): Html {
  const none = to === '' ? 'No mail yet. Sign up with any address, then reload.' : 'No mail to this address.';
  const body = html`${searchForm(to)}
${opened && openedMail(opened)}
${messages.length === 0 ? html`<p>${none}</p>` : messageTable(messages, to)}
<p><a href="/dev/mails">Every mail as an example</a></p>`;
  return widePage({ words, title: 'Development inbox', body });
}

/** Sent by GET, so that reloading the page searches again. */
function searchForm(to: string): Html {
  return html`<form method="get" action="${path}">
${field({ name: 'to', label: 'Recipient', type: 'text', autocomplete: 'off', value: to, maxLength: 254, isOptional: true, isVerbatim: true })}
<div class="row">${button({ label: 'Search', isCompact: true })}<a class="button plain compact" href="${addressOf(to)}">Reload</a></div>
</form>`;
}

/** The path of the list, or of one mail in it. */
function addressOf(to: string, mail?: string): string {
  const query = new URLSearchParams({ ...(to !== '' && { to }), ...(mail !== undefined && { mail }) }).toString();
  return query === '' ? path : `${path}?${query}`;
}

function messageTable(messages: readonly InboxMessage[], to: string): Html {
  const rows = messages.slice(0, maxShown).map(
    (
      message,
    ) => html`<tr><td><bdi>${message.to}</bdi></td><td><a href="${addressOf(to, message.messageId)}">${message.subject}</a></td><td><time datetime="${message.receivedAt}">${shownTime(message)}</time></td></tr>
`,
  );
  return html`<div class="table" tabindex="0" role="region" aria-label="Mails"><table>
<thead><tr><th scope="col">To</th><th scope="col">Subject</th><th scope="col">When</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

function shownTime({ receivedAt }: InboxMessage): string {
  return `${receivedAt.slice(0, 10)} ${receivedAt.slice(11, 19)} UTC`;
}

/** Links and codes stand outside of the frame, where they can be followed and copied. */
function openedMail(message: InboxMessage): Html {
  const { to, subject, text, links, messageId } = message;
  const code = /^\d{6}$/m.exec(text)?.[0];
  return html`<section>
<h2>${subject}</h2>
${facts([
  ['To', to],
  ['When', shownTime(message)],
  code !== undefined && ['Code', html`<code class="secret"><output>${code}</output></code>`],
  ...links.map((link): readonly [string, Html] => ['Link', html`<a href="${link}">${link}</a>`]),
])}
${framedMail(`${path}/mail?${new URLSearchParams({ mail: messageId }).toString()}`, subject)}
<h3>Text</h3>
<pre>${text}</pre>
</section>`;
}
